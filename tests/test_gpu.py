"""What only a GPU can show; skipped where there is none."""

import pytest
import torch

from bench.data.batches import PictureCache, Recipe, TrainingData
from bench.data.sources import open_source
from bench.discovery import discover
from bench.metrics import METRICS, unavailable
from bench.metrics.base import PairMetric, SingleMetric
from bench.results import store
from bench.scoring.cost import Load, cost
from bench.scoring.restore import restore_tensor
from bench.training.engine import choose_engine
from bench.training.log import TrainingLog
from bench.training.loop import Budget, train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
SMALL = {
    "pix2pix": {"levels": 4, "base": 8, "patch_layers": 1, "critic_base": 8, "dropout_blocks": 1},
    "dncnn": {"depth": 4, "width": 16},
}


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_method_trains_in_bf16_resumes_and_restores_alike_on_both_devices(tmp_path, photos, name):
    found, gpu = discover(), choose_engine("cuda")
    entry = found.methods[name].override(SMALL[name])
    cache = PictureCache(open_source(f"folder:{photos}", "train"), "scenes")
    data = TrainingData(cache, Recipe(found.levels["jpeg"]["jpeg_q10"], crop=32, batch=4), seed=0)
    for images in (160, 320):
        outcome = train(entry.build(), data, Budget(images, 4, ema=0.9), gpu, TrainingLog(tmp_path))
        assert outcome.status == store.DONE and outcome.images_seen == images
    from bench.training.checkpoint import load_weights

    picture = data.batch(0).degraded
    there, here = entry.build(), entry.build()
    load_weights(tmp_path, there, gpu.device)
    load_weights(tmp_path, here, torch.device("cpu"))
    gpu.place(there)
    apart = (restore_tensor(there, picture.to(gpu.device), None).cpu() - restore_tensor(here, picture, None)).abs()
    assert apart.max() < 2 / 255, "a saved picture differs by a grey level at most"
    assert cost(there, Load(64, 4, told=False), gpu)["peak_memory_mb"] > 0


@pytest.mark.parametrize("metric", [m for m in METRICS.values() if isinstance(m, PairMetric | SingleMetric)],
                         ids=lambda metric: metric.id)  # fmt: skip
def test_a_metric_gives_the_same_value_on_both_devices(metric):
    reason = unavailable(metric)
    if reason:
        pytest.skip(reason)
    choose_engine("cuda")
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.rand(2, 3, 224, 224, generator=generator).mul(255).round().div(255) for _ in range(2))
    values = []
    for device in ("cpu", "cuda"):
        pair = first.to(device), second.to(device)
        ones = torch.ones_like(pair[0][:, :1])
        result = metric.compute(*pair, ones) if isinstance(metric, PairMetric) else metric.compute(pair[0])
        values.append(result.double().cpu().flatten())
    # float32 on both, but sums run in another order: 1e-3 is far above that, and far below what matters
    assert torch.allclose(*values, rtol=1e-3, atol=1e-4, equal_nan=True)
