"""The demo's page in a real browser, and its JSON interface over the network. Needs Gradio (tox -e demo)."""

import base64
import io
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio", reason="gradio is not installed; tox -e demo has it")

import uvicorn

from bench import api
from bench.demo.limits import Limits
from bench.demo.page import application
from bench.demo.service import Service
from bench.discovery import discover
from bench.export.facts import WARNING
from tests.browser.conftest import browser  # noqa: F401 - a fixture
from tests.conftest import TINY, draw
from tests.hostile import HOSTILE, encoded

LIMITS = Limits(bytes=2_000_000, pixels=200_000, waiting=64, seconds=120)


@pytest.fixture(scope="module")
def service(tmp_path_factory, photos):
    root = tmp_path_factory.mktemp("demo")
    suite = root / "tiny.toml"
    suite.write_text(TINY.format(photos=photos).replace("images = 320", "images = 80"))
    api.run(str(suite), api.Settings(root / "runs", methods=("dncnn", "telea")))
    made = Service(root / "runs", discover(), "cpu", LIMITS)
    yield made
    made.close()


@pytest.fixture(scope="module")
def address(service):
    """The demo, answering on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(application(service), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def page(browser, address):  # noqa: F811 - the fixture
    """The page, opened; it may ask its own server and nobody else, and must not complain."""
    context = browser.new_context(viewport={"width": 1300, "height": 1200})
    opened, complaints = context.new_page(), []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    opened.on("request", lambda r: r.url.startswith((address, "data:", "blob:")) or complaints.append(r.url))
    opened.goto(address)
    opened.locator("#start").wait_for()
    yield opened
    context.close()
    assert complaints == []


def key(service, method):
    return next(each.key for each in service.choices if each.method == method)


def ask(address, body, kind="application/json"):
    """Status and JSON of a POST to the interface."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{address}/api/restore", data, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def text(data):
    return base64.b64encode(data).decode()


def pixels(said):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(said))))


def choose(page, method):
    page.locator("#run input").click()
    page.get_by_role("option", name=method).click()


def give(page, data, name="picture.png", where="#upload"):
    page.locator(f"{where} input[type=file]").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})


def says(page, words):
    page.locator("#said").get_by_text(words).wait_for(timeout=60_000)
    return page.locator("#said").inner_text()


def test_the_interface_restores(service, address):
    with urllib.request.urlopen(f"{address}/api/runs") as answer:
        listed = json.loads(answer.read())
    assert listed["warning"] == WARNING and {each["method"] for each in listed["runs"]} == {"dncnn", "telea"}
    mask = np.zeros((48, 48), np.uint8)
    mask[10:20, 10:30] = 255
    picture = draw(2)
    body = {"run": key(service, "telea"), "picture": text(encoded(picture)), "mask": text(encoded(mask))}
    status, said = ask(address, body | {"truth": text(encoded(picture))})
    assert status == 200 and said["warning"] == WARNING and said["scores"]["psnr"]["after"] > 10
    assert np.array_equal(pixels(said["picture"])[mask == 0], picture[mask == 0])
    assert np.array_equal(pixels(said["mask"]), mask)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_uploads_to_the_interface_get_one_clear_line(service, address, name):
    data, words = HOSTILE[name]
    status, said = ask(address, {"run": key(service, "dncnn"), "picture": text(data)})
    assert status == 400 and words in said["error"] and "\n" not in said["error"] and list(said) == ["error"]


def test_requests_that_are_none_get_one_clear_line(service, address):
    good = text(encoded(draw(0)))
    for body, words in (
        (b"", "not JSON"), (b"[" * 100_000, "not JSON"),
        ([1], "must be an object"), ({"path": "/etc"}, "no other keys"),
        ({"run": 3, "picture": good}, "run must be a text"), ({"run": "x"}, "picture is missing"),
        ({"run": "x", "picture": "%%"}, "base64"), ({"run": "../..", "picture": good}, "no such run"),
        (b" " * 9_000_000, "too long"),
    ):  # fmt: skip
        status, said = ask(address, body)
        assert status == 400 and words in said["error"] and "\n" not in said["error"], (body[:20], said)


def test_fifty_requests_at_once_all_get_their_own_answer(service, address):
    run = key(service, "dncnn")
    pictures = [draw(number, 40, 40 + number % 5) for number in range(50)]
    with ThreadPoolExecutor(50) as crowd:
        answers = list(crowd.map(lambda each: ask(address, {"run": run, "picture": text(encoded(each))}), pictures))
    assert [status for status, _ in answers] == [200] * 50
    for (_, said), picture in zip(answers, pictures, strict=True):
        back = pixels(said["picture"])
        assert back.shape == picture.shape and np.abs(back.astype(int) - picture).mean() < 40


def test_a_path_in_the_name_of_an_upload_writes_nothing_there(address, tmp_path):
    border = "frontier"
    name = f"../../../../../../..{tmp_path}/evil.png"
    body = f'--{border}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\nx\r\n--{border}--\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary={border}"}
    request = urllib.request.Request(f"{address}/gradio_api/upload", body.encode(), headers)
    try:
        urllib.request.urlopen(request, timeout=30).read()
    except urllib.error.HTTPError:
        pass  # refusing is as good
    assert not list(tmp_path.iterdir())


def test_files_of_the_machine_are_not_served(address):
    for path in ("gradio_api/file=/etc/passwd", "gradio_api/file=../../etc/passwd", "file=/etc/passwd"):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(f"{address}/{path}", timeout=30)
        assert error.value.code in (403, 404)


def test_page_restores_what_is_brushed(page, service):
    assert page.get_by_text(WARNING).is_visible()
    choose(page, "telea")
    page.get_by_text("Brush over what is lost").wait_for()
    picture = draw(5, 200, 240)
    give(page, encoded(picture))
    canvas = page.locator("#canvas canvas").first
    canvas.wait_for()
    page.wait_for_timeout(1500)
    page.locator("#start").click()
    assert "nothing is marked as lost" in says(page, "all black")
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 30, middle[1] + 10, steps=8)
    page.mouse.up()
    page.wait_for_timeout(500)
    give(page, encoded(picture), where="#truth")
    page.wait_for_timeout(500)
    page.locator("#start").click()
    says(page, "Done.")
    page.locator("#mask img").wait_for()
    sizes = page.evaluate(
        "[...document.querySelectorAll('#slider img, #mask img')].map(i => [i.naturalWidth, i.naturalHeight])"
    )
    assert sizes == [[240, 200]] * 3
    assert "psnr/lost" in page.locator("#scores").inner_text()


def test_page_lets_the_method_find_the_damage(page):
    choose(page, "dncnn")
    page.get_by_text("finds the damage itself").wait_for()
    page.locator("#start").click()
    says(page, "give a picture first")
    give(page, encoded(draw(6, 64, 80)))
    page.locator("#canvas canvas").first.wait_for()
    page.wait_for_timeout(1500)
    page.locator("#start").click()
    says(page, "Done.")
    assert page.locator("#slider img").count() == 2


@pytest.mark.parametrize("name", ["text", "svg", "bomb", "half a picture"])
def test_page_answers_a_hostile_upload_with_one_clear_line(page, name):
    data, words = HOSTILE[name]
    give(page, data, name="../../<img src=x onerror=alert(1)>.png")
    assert words in says(page, words)
