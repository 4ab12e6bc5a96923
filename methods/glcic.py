"""Image completion: a dilated network that is told the hole, judged as a whole and around the hole."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Adadelta, Adam, Optimizer

from methods.base import Batch, Method
from methods.parts.blend import blended
from methods.parts.completion import CompletionNet, CompletionShape, GlobalLocalCritic
from methods.parts.freeze import frozen
from methods.parts.patchgan import judged
from methods.parts.schedule import linear_decay, set_rate
from methods.parts.update import descend
from methods.parts.windows import cut, hole_corners, random_corners

CHOICES = {
    "fill": ("mean", "black"),
    "loss": ("mse", "l1"),
    "average": ("hole", "picture"),
    "real_window": ("random", "same"),
    "optimizer": ("adam", "adadelta"),
}


class ImageCompletion(Method):
    """Globally and Locally Consistent Image Completion, Iizuka et al. 2017, told where the hole is.

    Layers after otenim/GLCIC-PyTorch and the authors' satoshiiizuka/siggraph2017_inpainting; `glcic_seed` is the form
    of karantrehan/Image_Completion_Experiment. Differs from the paper in: Adam instead of ADADELTA, an error averaged
    over the hole with a weight of the critics to match, parts of a budget instead of iterations. Only the hole is
    repainted. See docs/methods/glcic.md.
    """

    tasks = frozenset({"hole", "erase", "facemask"})
    needs_mask = True
    multiple_of = 4

    @dataclass(frozen=True)
    class Config:
        """Layers are the paper's, for 256-pixel pictures. size and local must fit the training crop."""

        size: int = 256  # side of the training crop: the global critic's fully connected layer depends on it
        local: int = 128  # side of the local critic's window
        base: int = 64
        dilations: tuple[int, ...] = (2, 4, 8, 16)  # the trunk works at a quarter of the side
        critic_base: int = 64
        features: int = 1024  # of each critic's fully connected layer
        norm: str = "batch"  # or "instance", "group", "none"
        mask_channel: bool = True
        fill: str = "mean"  # colour put in the hole: the training pictures' mean, or "black"
        output: str = "sigmoid"  # or "linear"
        loss: str = "mse"  # or "l1"
        average: str = "hole"  # the error is averaged over each hole; "picture" = over all pixels, the rest counting 0
        adversarial: float = 4e-4  # the paper's number, for loss="mse"; "l1" wants 0.01 to 0.04
        real_window: str = "random"  # where the local critic sees clean pictures; "same" = where the hole is
        completion_part: float = 0.18  # of the budget: the completion network alone,
        critics_part: float = 0.02  # then the critics alone, then both
        optimizer: str = "adam"  # or "adadelta", the paper's, with lr 1.0
        lr: float = 1e-3
        beta1: float = 0.5  # Adam's
        decay_from: float = 0.5  # part of the budget at the full rate; then linearly to 0. 1 = constant
        poisson: bool = False  # blend the filling into its surroundings: the paper's post-processing

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        _check(config)
        channels = 4 if config.mask_channel else 3
        shape = CompletionShape(channels, config.base, config.dilations, config.norm, config.output)
        self.completion = CompletionNet(shape)
        self.critics = GlobalLocalCritic(config.size, config.local, config.critic_base, config.features, config.norm)
        self._optimizers = {name: self._optimizer(net) for name, net in self.named_children()}
        self.register_buffer("fill", torch.full((1, 3, 1, 1), 0.5 if config.fill == "mean" else 0.0))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))  # pictures the mean colour was taken from
        self.fill: Tensor
        self.seen: Tensor

    def optimizers(self) -> dict[str, Optimizer]:
        """One for the completion network, one for both critics."""
        return dict(self._optimizers)

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """One update of the phase that `progress` stands in. Raises ValueError when the crop is not Config.size."""
        self._check_crop(batch.clean)
        for optimizer in self._optimizers.values():
            set_rate(optimizer, self.config.lr * linear_decay(progress, self.config.decay_from))
        critics_from = self.config.completion_part
        if progress < critics_from:
            return self._learn_to_complete(batch)
        if progress < critics_from + self.config.critics_part:
            with torch.no_grad():
                completed = _composite(self._complete(batch.degraded, batch.mask), batch)
            return {"critics": self._update_critics(batch, completed)}
        return self._learn_together(batch)

    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """The picture with its hole completed; all else as it was. Raises ValueError without a mask."""
        if mask is None:
            raise ValueError("glcic cannot find the damage itself: give it the mask")
        output = self._complete(degraded, mask).to(degraded.dtype).clamp(0.0, 1.0)
        if self.config.poisson:
            output = blended(degraded, output, mask)
        return torch.where(mask > 0.5, output, degraded)

    def _learn_to_complete(self, batch: Batch) -> dict[str, Tensor]:
        """First phase: regression, while the mean colour is gathered."""
        if self.config.fill == "mean":
            self.seen += len(batch.clean)
            self.fill += (batch.clean.mean(dim=(0, 2, 3), keepdim=True) - self.fill) * (len(batch.clean) / self.seen)
        error = self._error(self._complete(batch.degraded, batch.mask), batch)
        descend(self._optimizers["completion"], error)
        return {self.config.loss: error.detach()}

    def _learn_together(self, batch: Batch) -> dict[str, Tensor]:
        """Last phase: critics first, on the detached output, then the completion network, on the same output."""
        output = self._complete(batch.degraded, batch.mask)
        completed = _composite(output, batch)
        critics_loss = self._update_critics(batch, completed.detach())
        error = self._error(output, batch)
        with frozen(self.critics) as critics:
            window = cut(completed, hole_corners(batch.mask, self.config.local), self.config.local)
            fooling = judged(critics(completed, window), real=True)
            descend(self._optimizers["completion"], error + self.config.adversarial * fooling)
        return {self.config.loss: error.detach(), "adversarial": fooling.detach(), "critics": critics_loss}

    def _update_critics(self, batch: Batch, completed: Tensor) -> Tensor:
        side = self.config.local
        corners = hole_corners(batch.mask, side)
        fake_loss = judged(self.critics(completed, cut(completed, corners, side)), real=False)
        if self.config.real_window == "random":
            corners = random_corners(batch.clean, side)
        real_loss = judged(self.critics(batch.clean, cut(batch.clean, corners, side)), real=True)
        loss = real_loss + fake_loss
        descend(self._optimizers["critics"], loss)
        return loss.detach()

    def _complete(self, degraded: Tensor, mask: Tensor) -> Tensor:
        """The network's output for pictures whose lost pixels are refilled; the fill is the zero of its input."""
        centred = (degraded - self.fill) * (mask <= 0.5)
        return self.completion(torch.cat([centred, mask], dim=1) if self.config.mask_channel else centred)

    def _error(self, output: Tensor, batch: Batch) -> Tensor:
        """Mean error per lost value of each picture, or per value."""
        difference = (output.float() - batch.clean) * batch.mask
        error = difference.square() if self.config.loss == "mse" else difference.abs()
        if self.config.average == "picture":
            return error.mean()
        return (error.sum(dim=(1, 2, 3)) / (3.0 * batch.mask.sum(dim=(1, 2, 3))).clamp(min=1.0)).mean()

    def _optimizer(self, network: nn.Module) -> Optimizer:
        if self.config.optimizer == "adadelta":
            return Adadelta(network.parameters(), lr=self.config.lr)
        return Adam(network.parameters(), lr=self.config.lr, betas=(self.config.beta1, 0.999))

    def _check_crop(self, images: Tensor) -> None:
        height, width = images.shape[2:]
        if (height, width) != (self.config.size, self.config.size):
            raise ValueError(
                f"glcic's critics are built for crops of {self.config.size} pixels, got {height}×{width}; set size"
            )


def _check(config: ImageCompletion.Config) -> None:
    """Raise ValueError for a setting that makes no sense."""
    for name, known in CHOICES.items():
        if getattr(config, name) not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(config, name)!r}")
    if config.local > config.size:
        raise ValueError(f"local must be at most size = {config.size}, got {config.local}")


def _composite(output: Tensor, batch: Batch) -> Tensor:
    """The output in the hole, the given picture around it."""
    return torch.where(batch.mask > 0.5, output.to(batch.degraded.dtype), batch.degraded)


METHODS = {
    "glcic": ImageCompletion.Config(),
    "glcic_poisson": ImageCompletion.Config(poisson=True),
    "glcic_seed": ImageCompletion.Config(  # the seed project's form
        norm="none", mask_channel=False, fill="black", output="linear", loss="l1", average="picture", adversarial=0.04,
        real_window="same", completion_part=0.5, critics_part=0.2, lr=1e-4, beta1=0.9, decay_from=1.0,
    ),
}  # fmt: skip
