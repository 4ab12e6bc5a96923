"""The core of the demo, without pages: what is answered, what is refused, and that a crowd gets its turn."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bench import api
from bench.data.pictures import read_pixels
from bench.demo.limits import Busy, Limits, Refused, read_upload
from bench.demo.service import Request, Service
from bench.discovery import discover
from bench.errors import UserError
from bench.restoring import StoredMethod
from bench.restoring.masks import HOLE
from tests.conftest import TINY, draw
from tests.hostile import HOSTILE, encoded
from tests.test_cli import call, complains

LIMITS = Limits(bytes=2_000_000, pixels=200_000, waiting=64, seconds=120)


@pytest.fixture(scope="module")
def root(tmp_path_factory, photos):
    """A runs folder: dncnn and identity on jpeg, telea and unet_l1 on hole."""
    folder = tmp_path_factory.mktemp("demo")
    suite = folder / "tiny.toml"
    suite.write_text(TINY.format(photos=photos).replace("images = 320", "images = 80"))
    chosen = ("identity", "dncnn", "telea", "unet_l1")
    api.run(str(suite), api.Settings(folder / "runs", methods=chosen))
    return folder / "runs"


@pytest.fixture
def service(root):
    made = Service(root, discover(), "cpu", LIMITS)
    yield made
    made.close()


def key(service, method):
    return next(each.key for each in service.choices if each.method == method)


def refused(service, request):
    """The one line that a request gets."""
    with pytest.raises(Refused) as error:
        service.restore(request)
    line = str(error.value)
    assert line and "\n" not in line and len(line) < 200
    return line


def test_what_can_be_tried_is_listed(service):
    assert {(each.task, each.method, each.told) for each in service.choices} == {
        ("jpeg", "dncnn", False), ("hole", "telea", True), ("hole", "unet_l1", True)
    }  # fmt: skip


def test_the_answer_is_what_restore_gives(service, root):
    picture = draw(3, 50, 61)
    run = key(service, "dncnn")
    answer = service.restore(Request(run, encoded(picture), truth=encoded(picture)))
    assert np.array_equal(answer.before, picture)
    assert np.array_equal(answer.after, StoredMethod.open(root / run, discover(), "cpu").restore(picture, None))
    assert set(answer.scores) == {"psnr", "ssim"} and answer.scores["ssim"][0] == pytest.approx(1)
    assert answer.mask is None


def test_what_is_brushed_is_painted_and_nothing_else(service):
    picture, mask = draw(4, 48, 64), np.zeros((48, 64), np.uint8)
    mask[10:20, 30:50] = 255
    answer = service.restore(Request(key(service, "telea"), encoded(picture), encoded(mask), encoded(picture)))
    lost = mask > 0
    assert (answer.before[lost] == HOLE).all() and np.array_equal(answer.after[~lost], picture[~lost])
    assert np.array_equal(answer.mask > 0, lost)
    before, after = answer.scores["psnr/lost"]
    assert after > before


def test_pictures_are_brought_to_the_size_of_the_training(root, photos, tmp_path):
    suite = tmp_path / "short.toml"
    suite.write_text(TINY.format(photos=photos).replace('photos}"', 'photos}"').replace("[train]", "[train]", 1))
    text = suite.read_text().replace("[train]", "short_side = 40\n[train]", 1).replace("size = 48", "size = 40")
    suite.write_text(text.replace("images = 320", "images = 16"))
    api.train(str(suite), api.Settings(tmp_path / "runs", methods=("dncnn",)))
    service = Service(tmp_path / "runs", discover(), "cpu", LIMITS)
    run, picture = key(service, "dncnn"), encoded(draw(1, 80, 120))
    whole, fitted = (service.restore(Request(run, picture, fit=fit)) for fit in (False, True))
    assert whole.after.shape == (80, 120, 3) and "short side 40, this one has 80" in whole.notes[0]
    assert fitted.after.shape == (40, 60, 3) and fitted.notes == ()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_uploads_get_one_clear_line(service, name):
    data, says = HOSTILE[name]
    run, good = key(service, "telea"), encoded(draw(0))
    assert says in refused(service, Request(run, data))
    assert says in refused(service, Request(run, good, mask=data)) and "mask" in refused(
        service, Request(run, good, data)
    )
    assert says in refused(service, Request(run, good, good, truth=data))


def test_a_picture_at_the_limit_is_taken_and_one_beyond_is_not():
    limits = Limits(pixels=48 * 48)
    assert read_upload(encoded(draw(0, 48, 48)), "it", limits).shape == (48, 48, 3)
    with pytest.raises(Refused, match="announces 49×48"):
        read_upload(encoded(draw(0, 48, 49)), "it", limits)


def test_requests_that_do_not_fit_get_one_clear_line(service):
    good, telea = encoded(draw(0)), key(service, "telea")
    for run in ("", "../../../etc", "hole/telea", "/" + telea, telea + "/../" + telea.rpartition("/")[2]):
        assert refused(service, Request(run, good)) == "no such run; choose one of those listed"
    assert "must be told what was lost" in refused(service, Request(telea, good))
    assert "all black" in refused(service, Request(telea, good, encoded(np.zeros((48, 48), np.uint8))))
    assert "the mask is 9×8, the picture 48×48" in refused(service, Request(telea, good, encoded(draw(0, 8, 9))))
    assert "the true picture is 9×8" in refused(service, Request(telea, good, good, encoded(draw(0, 8, 9))))


def test_fifty_at_once_all_get_their_own_answer(service):
    run = key(service, "dncnn")
    pictures = [draw(number, 40, 40 + number % 5) for number in range(50)]
    with ThreadPoolExecutor(50) as crowd:
        answers = list(crowd.map(lambda each: service.restore(Request(run, encoded(each))), pictures))
    assert all(np.array_equal(answer.before, each) for answer, each in zip(answers, pictures, strict=True))


def test_who_comes_when_too_many_wait_is_turned_away(root, monkeypatch):
    service = Service(root, discover(), "cpu", Limits(waiting=2, seconds=0.2))
    held, begun = threading.Event(), threading.Event()

    def slow(self, image, mask):
        begun.set()
        held.wait(30)
        return image

    monkeypatch.setattr(StoredMethod, "restore", slow)
    request = Request(key(service, "dncnn"), encoded(draw(0)))
    first, second = service.submit(request), service.submit(request)
    assert begun.wait(30)
    with pytest.raises(Busy, match="2 requests are waiting"):
        service.restore(request)
    second.cancel()
    with pytest.raises(Busy, match="not done after 0.2 seconds"):
        service.restore(request)
    held.set()
    first.result(30)
    assert service.submit(request).result(30) is not None  # places are free again


def test_what_a_method_raises_stays_inside(service, monkeypatch):
    def broken(self, image, mask):
        raise RuntimeError("secret/path")

    monkeypatch.setattr(StoredMethod, "restore", broken)
    line = refused(service, Request(key(service, "dncnn"), encoded(draw(0))))
    assert line == "dncnn failed on this picture (RuntimeError)"


def test_a_run_that_is_gone_is_one_line_without_its_path(tmp_path, root, service):
    import shutil

    shutil.copytree(root, tmp_path / "runs")
    other = Service(tmp_path / "runs", discover(), "cpu", LIMITS)
    (tmp_path / "runs" / key(other, "dncnn") / "checkpoint.pt").unlink()
    line = refused(other, Request(key(other, "dncnn"), encoded(draw(0))))
    assert "cannot be opened any more" in line and str(tmp_path) not in line


def test_the_command_says_what_is_missing(capsys, monkeypatch, tmp_path):
    from bench.cli import demo

    code, out, _ = call(capsys, monkeypatch, "demo", "--help")
    assert code == 0 and "Example: restorebench demo" in out
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    complains(call(capsys, monkeypatch, "demo", tmp_path), "demo needs Gradio", "restorebench[demo]")
    monkeypatch.setattr(demo, "find_spec", lambda name: object())
    complains(call(capsys, monkeypatch, "demo", tmp_path), "no run that can restore")
    with pytest.raises(UserError):
        Service(tmp_path, discover())


def test_pictures_with_alpha_or_an_animation_are_read(service, photos):
    import io

    from PIL import Image

    frames = [Image.fromarray(draw(number)) for number in range(2)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert service.read(buffer.getvalue()).shape == (48, 48, 3)
    assert np.array_equal(service.read((photos / "photo_01.png").read_bytes()), read_pixels(photos / "photo_01.png"))
