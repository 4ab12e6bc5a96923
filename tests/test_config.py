"""Suite files: what is accepted, and what is said about what is not."""

import pytest

from bench.config import load_suite, suite_names
from bench.discovery import discover
from bench.errors import UserError
from bench.plan import check_suite

GOOD = """
[data.photos]
source = "embedded:scenes"
[tasks.jpeg]
data = "photos"
methods = ["identity"]
"""


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_that_ships_names_only_what_exists(name):
    check_suite(load_suite(name), discover())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("[tasks.jpeg]", "[tasks.jpg]"), "unknown task 'jpg'; did you mean 'jpeg'?"),
        (('["identity"]', '["identiti"]'), "unknown method 'identiti'; did you mean 'identity'?"),
        (('data = "photos"', 'data = "photo"'), "tasks.jpeg.data names 'photo', but the suite has ['photos']"),
        (("source =", "sorce ="), "unknown key 'data.photos.sorce'; did you mean 'source'?"),
        (("[tasks.jpeg]", "[trian]\n[tasks.jpeg]"), "unknown key 'trian'; did you mean 'train'?"),
        (("[tasks.jpeg]", "[train]\nimages = 0\n[tasks.jpeg]"), "train.images: Input should be greater than 0"),
        (("[tasks.jpeg]", '[score]\nmetrics = ["pnsr"]\n[tasks.jpeg]'), "unknown metric 'pnsr'; did you mean 'psnr'?"),
        (
            ('["identity"]', '["identity"]\nlevels = ["jpeg_q11"]'),
            "unknown level of task jpeg 'jpeg_q11'; did you mean",
        ),
        (("[tasks.jpeg]", "[tasks.jpeg.settings.tv]\nweight = 1\n[tasks.jpeg]"), "which tasks.jpeg.methods does not"),
        (('["identity"]', '["telea"]'), "method 'telea' cannot be put to task 'jpeg'"),
        (("[tasks.jpeg]", "[methods.dncnn]\ndeep = 3\n[tasks.jpeg]"), "unknown setting of method dncnn 'deep'"),
        (("[tasks.jpeg]", '[methods.dncnn]\ndepth = "3"\n[tasks.jpeg]'), "methods.dncnn.depth must be int, got '3'"),
        (("[tasks.jpeg]", "[tasks.jpeg"), "not valid TOML"),
    ],
)
def test_a_mistake_is_one_line_that_helps(tmp_path, change, says):
    path = tmp_path / "suite.toml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(UserError) as caught:
        check_suite(load_suite(str(path)), discover())
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_suite_suggests_the_nearest():
    with pytest.raises(UserError, match="did you mean 'quickstart'"):
        load_suite("quikstart")


def test_missing_suite_file_is_said(tmp_path):
    with pytest.raises(UserError, match=r"none\.toml does not exist"):
        load_suite(str(tmp_path / "none.toml"))


def test_everything_that_ships_can_be_loaded():
    assert discover().problems == []


def test_one_broken_file_leaves_the_rest(tmp_path):
    broken, twice, fine = (tmp_path / f"{name}.py" for name in ("broken", "twice", "fine"))
    broken.write_text("import nothing_of_this_name")
    twice.write_text("from methods.identity import Identity, METHODS")
    fine.write_text("from methods.identity import Identity\nMETHODS = {'mine': Identity.Config()}")
    found = discover((broken, twice, fine))
    assert "mine" in found.methods and "pix2pix" in found.methods
    assert len(found.problems) == 2
    assert "broken.py: ModuleNotFoundError" in found.problems[0] and "defined twice" in found.problems[1]
