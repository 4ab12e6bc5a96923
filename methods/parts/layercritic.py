"""The critic of pix2pixHD: a patch critic that also hands out the maps of all its layers."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

WIDEST = 512


class LayerCritic(nn.Module):
    """`NLayerDiscriminator` of pix2pixHD as LaMa uses it: 4×4 convs, pad 2, batch norm, LeakyReLU(0.2).

    `layers` convs of stride 2, channels doubling up to 512, then one of stride 1 and the logits. No norm on the first
    and the last. The convs keep their bias. It judges a picture by itself, without the condition.
    """

    def __init__(self, base: int = 64, layers: int = 4) -> None:
        super().__init__()
        if layers < 1 or base < 1:
            raise ValueError(f"a layer critic needs base and layers >= 1, got {base} and {layers}")
        stages = [nn.Sequential(nn.Conv2d(3, base, 4, 2, 2), nn.LeakyReLU(0.2))]
        source = base
        for index in range(1, layers + 1):
            target = min(2 * source, WIDEST)
            stride = 2 if index < layers else 1
            conv = nn.Conv2d(source, target, 4, stride, 2)
            stages.append(nn.Sequential(conv, nn.BatchNorm2d(target), nn.LeakyReLU(0.2)))
            source = target
        self.stages = nn.ModuleList(stages)
        self.verdict = nn.Conv2d(source, 1, 4, 1, 2)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """N×3×H×W to logits N×1×h×w, positive = looks real, and the maps of the layers before them."""
        features = [images]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return self.verdict(features[-1]), features[1:]


def feature_distance(features: list[Tensor], targets: list[Tensor]) -> Tensor:
    """Mean over the layers of the mean squared difference of their maps."""
    distances = [
        functional.mse_loss(mine.float(), theirs.float()) for mine, theirs in zip(features, targets, strict=True)
    ]
    return sum(distances[1:], distances[0]) / len(distances)
