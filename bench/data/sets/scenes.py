"""Data sets of scenes: sides that are folders, most of them test sets of a few pictures."""

from __future__ import annotations

from functools import partial

from bench.data.sets.layout import DataSet, by_folders

BSDS_BASES = (".", "images", "data/images", "BSDS500/data/images", "BSR/BSDS500/data/images")

SCENES = (
    DataSet(
        "div2k", "DIV2K", "scenes",
        partial(by_folders, bases=(".", "DIV2K"), train=(("DIV2K_train_HR",),), test=(("DIV2K_valid_HR",),)),
        "DIV2K_train_HR to train, DIV2K_valid_HR to test (the test pictures are not published)",
        "academic research only; the pictures belong to their authors",
        "Agustsson and Timofte, NTIRE 2017 Challenge on Single Image Super-Resolution: Dataset and Study, CVPRW 2017",
        "https://data.vision.ee.ethz.ch/cvl/DIV2K/",
        "download DIV2K_train_HR.zip and DIV2K_valid_HR.zip from the home page and unpack both into PATH",
        {"train": 800, "test": 100},
        {"DIV2K_train_HR.zip": "bdc2d9338d4e574fe81bf7d158758658",
         "DIV2K_valid_HR.zip": "9fcdda83005c5e5997799b69f955ff88"}, "torchSR; the makers publish none",
    ),
    DataSet(
        "flickr2k", "Flickr2K", "scenes",
        partial(by_folders, bases=(".", "Flickr2K"), train=(("Flickr2K_HR",),), alone=True),
        "all of it to train; it has no test side",
        "academic research only; the pictures belong to their authors on Flickr",
        "Lim et al., Enhanced Deep Residual Networks for Single Image Super-Resolution, CVPRW 2017",
        "https://github.com/limbee/NTIRE2017",
        "download Flickr2K.tar as the home page says and unpack it; PATH holds Flickr2K_HR",
        {"train": 2650},
    ),
    DataSet(
        "bsds500", "Berkeley Segmentation Data Set 500", "scenes",
        partial(by_folders, bases=BSDS_BASES, train=(("train",), ("val",)), test=(("test",),)),
        "images/train and images/val (the 300 pictures of BSDS300) to train, images/test to test, as its authors do",
        "non-commercial research and education",
        "Arbelaez et al., Contour Detection and Hierarchical Image Segmentation, TPAMI 2011",
        "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/resources.html",
        "download BSR_bsds500.tgz from the home page and unpack it; PATH is the folder BSR",
        {"train": 300, "test": 200},
    ),
    DataSet(
        "kodak", "Kodak Lossless True Color Image Suite", "scenes",
        partial(by_folders, bases=(".",), test=(("kodak", "kodak24", "Kodak24"),), alone=True),
        "all of it to test; it has no training side",
        "released by the Eastman Kodak Company for unrestricted use",
        "Eastman Kodak Company, Kodak Lossless True Color Image Suite (PhotoCD PCD0992), 1993",
        "https://r0k.us/graphics/kodak/",
        "download kodim01.png to kodim24.png from the home page into PATH",
        {"test": 24},
    ),
    DataSet(
        "live1", "LIVE Image Quality Assessment Database, release 2: its 29 reference pictures", "scenes",
        partial(by_folders, bases=(".", "databaserelease2"), test=(("refimgs", "LIVE1", "live1"),), alone=True),
        "all of it to test; it has no training side",
        "free for research with citation; see the notice in its readme",
        "Sheikh, Sabir and Bovik, A Statistical Evaluation of Recent Full Reference Image Quality Assessment "
        "Algorithms, TIP 2006; Sheikh et al., LIVE Image Quality Assessment Database Release 2",
        "https://live.ece.utexas.edu/research/quality/subjective.htm",
        "ask for release 2 on the home page and unpack it; PATH holds refimgs",
        {"test": 29},
    ),
    DataSet(
        "classic5", "Classic5, five gray pictures for JPEG deblocking", "scenes",
        partial(by_folders, bases=(".",), test=(("classic5", "Classic5"),), alone=True),
        "all of it to test; it has no training side",
        "research; no licence is stated",
        "Foi, Katkovnik and Egiazarian, Pointwise Shape-Adaptive DCT for High-Quality Denoising and Deblocking of "
        "Grayscale and Color Images, TIP 2007",
        "https://github.com/jiaxi-jiang/FBCNN",
        "copy testsets/Classic5 of the home page's repository to PATH",
        {"test": 5},
    ),
    DataSet(
        "places2", "Places2 (Places365-Standard)", "scenes",
        partial(
            by_folders, bases=(".", "places365_standard"),
            train=(("data_large_standard", "data_large", "data_256_standard", "data_256", "train"),),
            test=(("val_large", "val_256", "val"),),
        ),
        "the training folder to train, the validation folder to test, as inpainting papers do",
        "the pictures belong to their authors; non-commercial research and education",
        "Zhou et al., Places: A 10 Million Image Database for Scene Recognition, TPAMI 2018",
        "http://places2.csail.mit.edu/download.html",
        "download train_256_places365standard.tar (or train_large) and val_256.tar (or val_large) and unpack into PATH",
        {"train": 1_803_460, "test": 36_500},
        {"train_256_places365standard.tar": "53ca1c756c3d1e7809517cc47c5561c5",
         "val_256.tar": "e27b17d8d44f4af9a78502beb927f808",
         "train_large_places365standard.tar": "67e186b496a84c929568076ed01a8aa1",
         "val_large.tar": "9b71c4993ad89d2d8bcbdc4aef38042f"}, "torchvision.datasets.Places365",
    ),
    DataSet(
        "paris", "Paris StreetView", "scenes",
        partial(
            by_folders, bases=(".", "paris", "Paris_StreetView_Dataset"),
            train=(("paris_train_original",),), test=(("paris_eval_gt", "paris_eval/paris_eval_gt"),),
        ),
        "paris_train_original to train, paris_eval_gt to test, as Context Encoders do",
        "handed out by the authors on request, for research",
        "Doersch et al., What Makes Paris Look like Paris?, SIGGRAPH 2012; Pathak et al., Context Encoders, CVPR 2016",
        "https://github.com/pathak22/context-encoder",
        "ask the authors as the home page says; PATH holds paris_train_original and paris_eval/paris_eval_gt",
        {"train": 14_900, "test": 100},
    ),
)  # fmt: skip
