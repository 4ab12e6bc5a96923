"""Whose face it is: alignment, the network's wiring, and with the real weights that identities are told apart."""

from __future__ import annotations

import csv
import itertools
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data.batches import Case
from bench.errors import UserError
from bench.metrics import METRICS, Unavailable, load, unavailable
from bench.scoring.battery import Battery
from bench.scoring.evidence import face_rows
from bench.scoring.measure import Folders, measure
from pretrained import KNOWN
from pretrained.mobilefacenet import HEIGHT, TEMPLATE, WIDTH, align, build, network
from tests.conftest import draw

FACE = METRICS["face_identity"]
POINTS = torch.tensor([TEMPLATE])
CASES = (("face", np.array(TEMPLATE, np.float32)), ("scene", None))


@pytest.fixture
def identity():
    """The metric, where its weights are."""
    reason = unavailable(FACE)
    if reason:
        pytest.skip(reason)
    return load("face_identity")


# --- alignment -------------------------------------------------------------------------------------------------------


def test_a_face_on_the_template_stays_as_it_is():
    pictures = torch.rand(2, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(align(pictures, POINTS.expand(2, -1, -1)), pictures, atol=1e-5)


@pytest.mark.parametrize(("degrees", "scale"), [(0, 2.0), (90, 1.0), (30, 1.5), (-20, 0.8)])
def test_landmarks_land_on_the_template(degrees, scale):
    """A dot at each landmark of a turned, scaled and shifted face is found where the template has it."""
    angle = math.radians(degrees)
    turn = scale * torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    points = (POINTS[0] - POINTS[0].mean(0)) @ turn.T + torch.tensor([150.0, 120.0])
    y, x = torch.meshgrid(torch.arange(260.0), torch.arange(300.0), indexing="ij")
    for point, goal in zip(points, TEMPLATE, strict=True):
        spot = torch.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * (3 * scale) ** 2))
        found = align(spot.expand(1, 3, -1, -1), points[None])[0, 0]
        rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
        centre = [(each * found).sum() / found.sum() for each in (columns, rows)]
        assert centre == pytest.approx(goal, abs=0.15)


def test_a_face_at_the_border_is_black_beyond_it():
    half = align(torch.ones(1, 3, 60, 60), POINTS / 2 - torch.tensor([25.0, 0.0]))
    assert (half[..., 0] == 0).all() and (half[..., 50, 80] == 1).all()


def test_landmarks_that_coincide_do_not_break_it():
    assert align(torch.rand(1, 3, 64, 64), torch.full((1, 5, 2), 30.0)).isfinite().all()


# --- the network -----------------------------------------------------------------------------------------------------


def test_the_network_has_the_published_shape():
    """Chen et al. say 0.99 M parameters; the published file holds 333 tensors."""
    model = build()
    assert len(model.state_dict()) == 333
    assert sum(each.numel() for each in model.parameters()) == pytest.approx(0.99e6, rel=0.02)
    assert model.eval()(torch.zeros(2, 3, HEIGHT, WIDTH)).shape == (2, 128, 1, 1)


def test_without_weights_faces_say_so_and_scenes_say_nothing(no_weights):
    battery = Battery.of(("face_identity",), torch.device("cpu"))
    picture = draw(0, 64, 64)
    face, scene = (Case(name, picture, picture, picture[..., 0], landmarks=points) for name, points in CASES)
    rows = face_rows(battery, [face, scene], [picture, picture])
    assert [(each["image_id"], each["status"]) for each in rows] == [("face", "unavailable")]
    assert battery.finish() == []


def test_without_weights_it_is_unavailable(no_weights):
    network.cache_clear()
    assert "not found: mobilefacenet_casia_128d.pth or 068.ckpt" in unavailable(FACE)
    with pytest.raises(Unavailable):
        load("face_identity")(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64), POINTS / 2)
    torch.save({"net_state_dict": build().state_dict()}, no_weights / KNOWN["mobilefacenet"].files[0])
    with pytest.raises(Unavailable, match="damaged"):  # numbers drawn at random never pass
        load("face_identity")(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64), POINTS / 2)


def test_wrong_input_is_one_clear_line():
    picture, score = torch.rand(2, 3, 64, 64), load("face_identity")
    for bad, words in (
        ((picture, picture[:1], POINTS), "differ"),
        ((picture, picture, POINTS), "landmarks: expected finite 2×5×2"),
        ((picture, picture, torch.full((2, 5, 2), torch.nan)), "landmarks"),
        ((picture[..., :47], picture[..., :47], POINTS), "at least 48 px"),
    ):
        with pytest.raises(ValueError, match=words):
            score(*bad)


# --- in the battery --------------------------------------------------------------------------------------------------


def face_case(name: str, size: int, landmarks: bool) -> Case:
    points = POINTS[0].numpy() * size / HEIGHT if landmarks else None
    clean = draw(len(name), size, size)
    return Case(name, clean, clean, np.zeros(clean.shape[:2], np.uint8), 0, points)


def test_only_faces_with_landmarks_are_scored(identity):
    battery = Battery.of(("face_identity",), torch.device("cpu"))
    cases = [face_case("a", 64, True), face_case("bb", 64, False), face_case("ccc", 64, True)]
    rows = face_rows(battery, cases, [cases[0].clean, cases[1].clean, "nan"])
    found = {each["image_id"]: (each["status"], each["value"]) for each in rows}
    assert found["a"] == ("ok", pytest.approx(1)) and found["ccc"][0] == "nan" and "bb" not in found
    small = face_case("a", 32, True)
    assert [each["status"] for each in face_rows(battery, [small], [small.clean])] == ["too_small"]


def test_two_plain_folders_tell_no_landmarks(tmp_path):
    Image.fromarray(draw(0)).save(tmp_path / "a.png")
    for name in ("face_identity", "consistency_jpeg"):
        with pytest.raises(UserError, match=f"'{name}' needs a task"):
            measure(Folders(tmp_path, tmp_path), (name,))


# --- with the real weights and faces ---------------------------------------------------------------------------------


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def sampled(owners: dict[str, str], identities: int, each: int) -> list[str]:
    """So many pictures each of the first identities that have them."""
    whose = defaultdict(list)
    for name, owner in sorted(owners.items()):
        whose[owner].append(name)
    enough = [names[:each] for _, names in sorted(whose.items()) if len(names) >= each]
    return [name for names in enough[:identities] for name in names]


def test_identities_are_told_apart(identity, shared_data):
    """The weights are published with 99.3 % on LFW. Faces of 151 px and more."""
    if not (shared_data / "faces" / "identity.csv").exists():
        pytest.skip("RESTOREBENCH_DATA has no faces/identity.csv")
    points = {
        row["image_id"]: np.array(list(row.values())[1:11], float).reshape(5, 2)
        for row in rows_of(shared_data / "faces" / "landmarks_test.csv")
    }
    owners = {row["image_id"]: row["identity"] for row in rows_of(shared_data / "faces" / "identity.csv")}
    names = sampled({name: owners[name] for name in points}, 30, 4)
    faces = torch.cat([aligned(shared_data / "faces" / "test" / name, points[name]) for name in names])
    with torch.inference_mode():
        vectors = torch.cat([network(torch.device("cpu"))((each * 255 - 127.5) / 128) for each in faces.split(30)])
    vectors = torch.nn.functional.normalize(vectors.flatten(1))
    pairs = list(itertools.combinations(range(len(names)), 2))
    cosines = np.array([(vectors[a] @ vectors[b]).item() for a, b in pairs])
    equal = np.array([owners[names[a]] == owners[names[b]] for a, b in pairs])
    same, other = cosines[equal], cosines[~equal]
    auc = (same[:, None] > other).mean()
    assert (len(same), len(other)) == (30 * 6, 120 * 119 // 2 - 30 * 6)
    assert auc > 0.97 and same.mean() > 0.5 and abs(other.mean()) < 0.1, (auc, same.mean(), other.mean())


def aligned(path: Path, points: np.ndarray) -> torch.Tensor:
    picture = torch.from_numpy(np.array(Image.open(path).convert("RGB")))
    return align(picture.permute(2, 0, 1)[None] / 255, torch.from_numpy(points)[None])


def test_damage_lowers_it_and_an_equal_face_has_one(identity, shared_data):
    folder = shared_data / "faces"
    rows = rows_of(folder / "landmarks_train.csv")[:8]
    pictures = [np.array(Image.open(folder / "train" / row["image_id"]).convert("RGB")) for row in rows]
    faces = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) / 255
    points = torch.tensor([[float(v) for v in list(row.values())[1:11]] for row in rows]).reshape(-1, 5, 2)
    hidden = faces.clone()
    hidden[:, :, 60:] = 0.5  # nose and mouth
    noise = torch.randn(faces.shape, generator=torch.Generator().manual_seed(0))
    slight, strong = faces + 0.03 * noise, faces + 0.2 * noise
    equal, near, far, masked = (identity(each.clamp(0, 1), faces, points) for each in (faces, slight, strong, hidden))
    assert equal.tolist() == pytest.approx([1] * 8) and equal.dtype == torch.float64
    assert (near > far).all() and near.mean() > 0.9 and masked.mean() < 0.7
    assert identity(faces, slight.clamp(0, 1), points).tolist() == pytest.approx(near.tolist()), "symmetric"
    alone = torch.cat([identity(strong[i : i + 1].clamp(0, 1), faces[i : i + 1], points[i : i + 1]) for i in range(8)])
    assert torch.allclose(alone, far, atol=1e-5)
