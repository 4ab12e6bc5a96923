"""The weights that are known: the files that hold them, and where they are downloaded."""

from __future__ import annotations

from dataclasses import dataclass

TORCHVISION = "https://download.pytorch.org/models/"


@dataclass(frozen=True)
class Weights:
    """One network's weights.

    files: names of files that hold them, in the order they are looked for; the first is the one downloaded.
    url: where from; "" when it is not to be had that way. sha256: of files whose name does not carry its start.
    """

    what: str
    files: tuple[str, ...]
    url: str
    sha256: tuple[tuple[str, str], ...] = ()


KNOWN = {
    "alexnet": Weights(
        "AlexNet features (lpips_alex)",
        ("alexnet-owt-7be5be79.pth", "alexnet_features.pth"),
        TORCHVISION + "alexnet-owt-7be5be79.pth",
    ),
    "vgg16": Weights(
        "VGG16 features (lpips_vgg, dists; training of arnet)",
        ("vgg16-397923af.pth", "vgg16_features.pth"),
        TORCHVISION + "vgg16-397923af.pth",
    ),
    "vgg19": Weights(
        "VGG19 features (training of unmask_v2)",
        ("vgg19-dcbb9e9d.pth", "vgg19_features.pth"),
        TORCHVISION + "vgg19-dcbb9e9d.pth",
    ),
    "squeezenet1_1": Weights(
        "SqueezeNet 1.1 features (lpips_squeeze, fid_squeeze; training of arnet_squeeze)",
        ("squeezenet1_1-b8a52dc0.pth", "squeezenet1_1_features.pth"),
        TORCHVISION + "squeezenet1_1-b8a52dc0.pth",
        (("squeezenet1_1_features.pth", "65848f4c678bba05bcc2fc7c35df775d303ffcbc3e24e770a727cb4296e10e84"),),
    ),
    "mobilenet_v2": Weights(
        "MobileNetV2 features (encoder of arnet)",
        ("mobilenet_v2-b0353104.pth", "mobilenet_v2-7ebf99e0.pth", "mobilenet_v2_features.pth"),
        TORCHVISION + "mobilenet_v2-b0353104.pth",
        (("mobilenet_v2_features.pth", "3730daada96ebad67e10221c259b5616355e0d9e7b12da16f6161f4e7755f22f"),),
    ),
    "mobilefacenet": Weights(
        "MobileFaceNet, model/best/068.ckpt of Xiaoccer/MobileFaceNet_Pytorch, no licence stated (face_identity)",
        ("mobilefacenet_casia_128d.pth", "068.ckpt"),
        "",
        tuple(
            (name, "e839247cdbdfc023fb7cadeaf53a4549d50c8fc24ad154c02e35920ea8910d99")
            for name in ("mobilefacenet_casia_128d.pth", "068.ckpt")
        ),
    ),
    "dists": Weights(
        "DISTS channel weights (dists)",
        ("dists_weights.pt",),
        "https://github.com/photosynthesis-team/piq/releases/download/v0.4.1/dists_weights.pt",
    ),
    "niqe_live": Weights(
        "NIQE's pristine model by its authors, as XPixelGroup/BasicSR carries it (niqe_live)",
        ("niqe_pris_params_live.npz",),
        "",
        (("niqe_pris_params_live.npz", "2a7c182a68c9e7f1b2e2e5ec723279d6f65d912b6fcaf37eb2bf03d7367c4296"),),
    ),
    "inception": Weights(
        "Inception-v3 of pytorch-fid (fid, kid)",
        ("pt_inception-2015-12-05-6726825d.pth",),
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    ),
}
