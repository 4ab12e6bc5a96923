"""Videos restored frame by frame: what is kept, resumption, masks, flicker, mistakes."""

import csv
from fractions import Fraction
from itertools import islice

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from bench.discovery import discover
from bench.errors import UserError
from bench.restoring import Clip, StoredMethod, clips, restore_clip
from bench.results.store import Run
from bench.training.engine import choose_engine
from bench.video import parts
from bench.video.flicker import flicker_of, pair_flicker
from bench.video.reading import form_of, read_frames
from tests.conftest import draw

av = pytest.importorskip("av", reason="videos need PyAV")

TIMES = (0, 1001, 2002, 3003, 5005, 6006, 7007, 8008, 9009, 12012)  # not evenly spaced
BASE = Fraction(1, 30_000)


def moving(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """A picture that drifts two pixels a frame."""
    still = cv2.GaussianBlur(draw(3, height, width + 2 * count), (0, 0), 1)
    return [np.ascontiguousarray(still[:, 2 * n : 2 * n + width]) for n in range(count)]


def make(path, frames, sound=True, turned=0, matrix=1):
    """A short video (BT.709 unless said), with a tone beside it."""
    with av.open(str(path), "w", options={"video_track_timescale": "30000"} if path.suffix == ".mp4" else {}) as out:
        video = out.add_stream("libx264", rate=Fraction(30_000, 1001), options={"crf": "6"})
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt = "yuv420p" if video.height % 2 == video.width % 2 == 0 else "yuv444p"
        video.time_base = video.codec_context.time_base = BASE
        video.codec_context.colorspace = matrix
        if turned:
            video.set_display_rotation(turned)
        tone = out.add_stream("aac", rate=8000, layout="mono") if sound else None
        for pts, pixels in zip(TIMES, frames, strict=False):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame = frame.reformat(format=video.pix_fmt, dst_colorspace=matrix, src_color_range=2, dst_color_range=1)
            frame.pts, frame.time_base = pts, BASE
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if tone:
            wave = (np.sin(np.arange(3072) / 5) * 9000).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
            out.mux(tone.encode(frame))
            out.mux(tone.encode(None))
    return path


def sound_of(path) -> list[tuple[int, bytes]]:
    with av.open(str(path)) as container:
        return [(packet.pts, bytes(packet)) for packet in container.demux(audio=0) if packet.size]


def pixels_of(path) -> list[np.ndarray]:
    return [frame.pixels for frame in read_frames(path)]


@pytest.fixture
def stored():
    """An untrained method on a task, as a stored run would hold it."""

    def build(name: str, task: str) -> StoredMethod:
        found = discover()
        run = Run("", "", task, name, 0, "0")
        return StoredMethod(run, found.task(task), found.method(name).build(), choose_engine("cpu", "float32"))

    return build


@pytest.fixture
def short_segments(monkeypatch):
    for module in (parts, clips):
        monkeypatch.setattr(module, "SEGMENT", 4)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_times_shape_colour_and_sound_are_kept(stored, tmp_path, suffix, short_segments):
    source, out = make(tmp_path / "in.mp4", moving(10)), tmp_path / f"out{suffix}"
    done = restore_clip(stored("identity", "jpeg"), Clip(source, out))
    assert done.written == 10 and not done.problems
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in.mp4", out.name])
    before, after = form_of(source), form_of(out)
    assert (before.width, before.height, before.colour.matrix) == (after.width, after.height, after.colour.matrix)
    times = [frame.pts * after.time_base for frame in read_frames(out)]
    least, start = (Fraction(1, 1000), times[0]) if suffix == ".mkv" else (0, 0)
    assert after.colour.matrix == 1 and start < 0.2  # Matroska counts milliseconds, from the first sound on
    assert max(abs(a - start - b * BASE) for a, b in zip(times, TIMES, strict=True)) <= least
    assert before.time_base == after.time_base or suffix == ".mkv"
    assert [data for _, data in sound_of(out)] == [data for _, data in sound_of(source)] != []
    off = np.stack(pixels_of(out)).astype(int) - np.stack(pixels_of(source))
    assert np.abs(off).mean() < 3 and np.abs(off.mean((0, 1, 2))).max() < 1


@pytest.mark.parametrize("shape", [(33, 41), (48, 64)])
def test_odd_sizes_and_films_without_sound(stored, tmp_path, shape):
    source = make(tmp_path / "in.mp4", moving(3, *shape), sound=False)
    done = restore_clip(stored("median", "jpeg"), Clip(source, tmp_path / "out.mp4"))
    assert done.written == 3 and pixels_of(tmp_path / "out.mp4")[0].shape == (*shape, 3)
    assert form_of(tmp_path / "out.mp4").rate == form_of(source).rate == Fraction(30_000, 1001)


def test_a_turned_video_is_turned_once(stored, tmp_path):
    frames = moving(3)
    plain, turned = make(tmp_path / "plain.mp4", frames), make(tmp_path / "turned.mp4", frames, turned=90)
    restore_clip(stored("identity", "jpeg"), Clip(turned, tmp_path / "out.mp4"))
    (first, *_), (again, *_) = pixels_of(plain), pixels_of(tmp_path / "out.mp4")
    assert again.shape == (64, 48, 3) and np.abs(np.rot90(first).astype(int) - again).mean() < 4


@pytest.mark.parametrize("stop", [2, 4, 6, 9])
def test_an_interrupted_restore_goes_on_to_the_same_file(stored, tmp_path, monkeypatch, short_segments, stop):
    source, method = make(tmp_path / "in.mp4", moving(10)), stored("median", "jpeg")
    whole = restore_clip(method, Clip(source, tmp_path / "whole.mp4"))
    restored: list[int] = []

    def interrupted(self, image, mask):
        restored.append(1)
        if len(restored) > stop:
            raise KeyboardInterrupt
        return cv2.medianBlur(image, 3)

    with monkeypatch.context() as patch:
        patch.setattr(StoredMethod, "restore", interrupted)
        with pytest.raises(KeyboardInterrupt):
            restore_clip(method, Clip(source, tmp_path / "out.mp4"))
    assert not (tmp_path / "out.mp4").exists() and (tmp_path / "out.mp4.parts").is_dir()
    done: list[tuple[int, int]] = []
    again = restore_clip(method, Clip(source, tmp_path / "out.mp4"), lambda *each: done.append(each))
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert again.flicker == whole.flicker and again.written == 10
    assert done[0] == (stop // 4 * 4 + 1, 10) and done[-1] == (10, 10)  # what was finished is not done again
    assert not (tmp_path / "out.mp4.parts").exists()
    assert ("went on after frame" in " ".join(again.problems)) == (stop >= 4)


def test_what_was_begun_with_another_input_is_not_gone_on_with(stored, tmp_path, monkeypatch, short_segments):
    source, method = make(tmp_path / "in.mp4", moving(10)), stored("identity", "jpeg")
    with monkeypatch.context() as patch:
        patch.setattr(clips, "_joined", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            restore_clip(method, Clip(source, tmp_path / "out.mp4"))
    make(source, [255 - frame for frame in moving(5)])
    done = restore_clip(method, Clip(source, tmp_path / "out.mp4"))
    assert done.written == 5 and not done.problems


def test_masks_are_a_picture_or_a_video(stored, tmp_path):
    frames = moving(6)
    for frame in frames:
        frame[10:20, 20:30] = 128
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[10:20, 20:30] = 255
    source = make(tmp_path / "in.mp4", frames)
    Image.fromarray(mask).save(tmp_path / "mask.png")
    masks = make(tmp_path / "mask.mp4", [mask] * 6, sound=False)
    for path in (tmp_path / "mask.png", masks):
        out = tmp_path / f"{path.suffix[1:]}_out.mp4"
        restore_clip(stored("telea", "hole"), Clip(source, out, path))
        before, after = (np.stack(pixels_of(each)).astype(int) for each in (source, out))
        assert np.abs(before - after)[:, 11:19, 21:29].mean() > 10 and np.abs(before - after)[:, 24:].mean() < 4


def test_frames_are_scored_against_a_truth(stored, tmp_path, monkeypatch, short_segments):
    """The battery's own numbers, frame by frame, also where the work was interrupted; flicker beside them."""
    frames = moving(10)
    rng = np.random.default_rng(0)
    noisy = [np.clip(frame + rng.normal(0, 20, frame.shape), 0, 255).astype(np.uint8) for frame in frames]
    source, truth = make(tmp_path / "in.mp4", noisy), make(tmp_path / "truth.mp4", frames)
    method = stored("median", "jpeg")
    with monkeypatch.context() as patch:
        patch.setattr(clips, "_joined", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            restore_clip(method, Clip(source, tmp_path / "out.mp4", truth=truth))
    (tmp_path / "out.mp4.parts" / "00002.nut").unlink()
    done = restore_clip(method, Clip(source, tmp_path / "out.mp4", truth=truth))
    names = ["psnr", "ssim"]
    assert [each.metric for each in done.scores] == names and all(each.frames == 10 for each in done.scores)
    rows = list(csv.DictReader((tmp_path / "out.scores.csv").open()))
    assert len(rows) == 10 and list(rows[0])[:3] == ["frame", "flicker of input", "flicker of restored"]
    assert rows[0]["flicker of input"] == "" and float(rows[5]["flicker of restored"]) > 0
    pairs = zip(pixels_of(source), pixels_of(truth), rows, strict=True)
    for before, true, row in pairs:
        after = method.restore(before, None)
        for pixels, which in ((before, "input"), (after, "restored")):
            assert float(row[f"psnr of {which}"]) == pytest.approx(peak_signal_noise_ratio(true, pixels), abs=1e-4)
    psnr = done.scores[0]
    assert psnr.restored == pytest.approx(np.mean([float(row["psnr of restored"]) for row in rows]))
    assert psnr.restored > psnr.input + 2 and str(psnr).startswith("psnr: input 2")


def test_scores_inside_the_mask_and_by_other_metrics(stored, tmp_path):
    frames = moving(3)
    mask = np.zeros((48, 64), np.uint8)
    mask[10:20, 20:30] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    holed = [np.where(mask[..., None] > 0, np.uint8(128), frame) for frame in frames]
    source, truth = make(tmp_path / "in.mp4", holed), make(tmp_path / "truth.mp4", frames)
    clip = Clip(source, tmp_path / "out.mp4", tmp_path / "mask.png", truth, ("psnr_y",))
    found = {each.metric: each for each in restore_clip(stored("telea", "hole"), clip).scores}
    assert found["psnr_y/lost"].restored > found["psnr_y/lost"].input + 2 and "psnr" not in found


def test_mistakes_are_one_line(stored, tmp_path):
    telea, identity = stored("telea", "hole"), stored("identity", "jpeg")
    source, out = make(tmp_path / "in.mp4", moving(6)), tmp_path / "out.mp4"
    short = make(tmp_path / "short.mp4", moving(3), sound=False)
    other = make(tmp_path / "other.mp4", moving(6, 32, 32), sound=False)
    small = tmp_path / "small.png"
    Image.new("L", (9, 9)).save(small)
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "cut.mp4").write_bytes(source.read_bytes()[:900])
    for method, clip, says in (
        (identity, Clip(tmp_path / "none.mp4", out), "no such file"),
        (identity, Clip(tmp_path / "text.mp4", out), "not a video that can be read"),
        (identity, Clip(tmp_path / "empty.mp4", out), "not a video that can be read"),
        (identity, Clip(tmp_path / "cut.mp4", out), "cut.mp4"),
        (identity, Clip(source, tmp_path / "out.gif"), "is written as .mp4"),
        (identity, Clip(source, source), "would be written over"),
        (telea, Clip(source, out), "give --mask FILE"),
        (telea, Clip(source, out, short), "ends before frame 3"),
        (telea, Clip(source, out, other), "is 32×32, the video 64×48"),
        (telea, Clip(source, out, small), "its mask is 9×9, the picture 64×48"),
        (telea, Clip(source, out, tmp_path / "none.png"), "none.png"),
        (identity, Clip(source, out, truth=short), "short.mp4: ends before frame 3"),
        (identity, Clip(source, out, truth=other), "is 32×32, the video 64×48"),
        (identity, Clip(source, out, truth=tmp_path / "none.mp4"), "No such file"),
        (identity, Clip(source, out, truth=source, metrics=("pnsr",)), "did you mean 'psnr'"),
        (identity, Clip(source, out, truth=source, metrics=("fid",)), "leave it out"),
    ):
        with pytest.raises(UserError, match=says) as raised:
            restore_clip(method, clip)
        assert "\n" not in str(raised.value) and not out.exists()


def test_without_pyav_the_line_says_what_to_install(stored, tmp_path, monkeypatch):
    import sys

    source = make(tmp_path / "in.mp4", moving(2))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"restorebench\[video\]"):
        restore_clip(stored("identity", "jpeg"), Clip(source, tmp_path / "out.mp4"))


def test_flicker_follows_the_motion_and_sees_what_changes():
    frames = moving(6, 96, 128)
    rng = np.random.default_rng(0)
    restless = [np.clip(frame + rng.normal(0, 12, frame.shape), 0, 255).astype(np.uint8) for frame in frames]
    blinking = [np.clip(frame.astype(int) + 15 * (n % 2), 0, 255).astype(np.uint8) for n, frame in enumerate(frames)]

    def judged(restored):
        pairs = zip(zip(frames, frames[1:], strict=False), zip(restored, restored[1:], strict=False), strict=True)
        return flicker_of([pair_flicker(*pair) for pair in pairs])

    same, noisy, bright = (judged(each) for each in (frames, restless, blinking))
    still = np.mean([cv2.absdiff(*pair).mean() for pair in zip(frames, islice(frames, 1, None), strict=False)])
    assert same.pairs == 5 and same.input == same.restored < still / 2  # the drift itself is no flicker
    assert noisy.restored > 3 * noisy.input and noisy.restored == pytest.approx(12 * 2 / np.pi**0.5, rel=0.2)
    assert bright.restored == pytest.approx(15, rel=0.15)


def test_a_cut_is_no_flicker():
    one, other = draw(1, 64, 64), np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    pair = pair_flicker((one, other), (one, other))
    assert pair is None or flicker_of([pair]).pairs == 1
    assert flicker_of([None, (1.0, 2.0), (3.0, 4.0)]) == flicker_of([(2.0, 3.0)] * 2)
    assert flicker_of([None]) is None
