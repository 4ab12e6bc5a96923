"""Methods that break the contract as they train: one for every sentence of bench.verify.training."""

from __future__ import annotations

import itertools

import torch
from torch import nn

from tests.faults.toy import Toy


class Silent(Toy):
    """Has nothing for the curves."""

    def step(self, batch, progress):
        super().step(batch, progress)
        return {}


class InfiniteScalar(Toy):
    """Divides by what is left of the budget, and by no more than that."""

    def step(self, batch, progress):
        scalars = super().step(batch, progress)
        return scalars if progress < 0.9 else {"loss": scalars["loss"] / 0}


class AttachedScalar(Toy):
    """Returns a scalar that drags its graph along."""

    def step(self, batch, progress):
        super().step(batch, progress)
        return {"loss": self.network(batch.degraded).mean()}


class ForgottenWeights(Toy):
    """Half of the network is in no optimizer."""

    def __init__(self, config):
        super().__init__(config)
        self.optimizer = torch.optim.Adam(self.network[0].parameters(), lr=1e-2)


class LeftFrozen(Toy):
    """Forgets to let a layer learn again."""

    def step(self, batch, progress):
        scalars = super().step(batch, progress)
        self.network[0].requires_grad_(False)
        return scalars


class TwiceHeld(Toy):
    """Two optimizers pull at one layer."""

    def __init__(self, config):
        super().__init__(config)
        self.second = torch.optim.SGD(self.network[0].parameters(), lr=1e-2)

    def optimizers(self):
        return {"only": self.optimizer, "second": self.second}


class ForeignWeights(Toy):
    """Trains what no checkpoint of it will hold."""

    def __init__(self, config):
        super().__init__(config)
        self.outside = [nn.Conv2d(3, 3, 1)]
        self.optimizer.add_param_group({"params": list(self.outside[0].parameters())})


class NewOptimizers(Toy):
    """Makes optimizers anew at every call."""

    def optimizers(self):
        return {"only": torch.optim.Adam(self.network.parameters())}


class RenamedOptimizers(Toy):
    """The same optimizer under another name at every call."""

    def __init__(self, config):
        super().__init__(config)
        self.names = itertools.count()

    def optimizers(self):
        return {str(next(self.names)): self.optimizer}


class StateOutside(Toy):
    """Its learning rate follows a counter that no checkpoint holds."""

    steps = 0

    def step(self, batch, progress):
        self.steps += 1
        for group in self.optimizer.param_groups:
            group["lr"] = 1e-2 / self.steps
        return super().step(batch, progress)


class SameStart(Toy):
    """Every seed starts from the same weights."""

    def __init__(self, config):
        torch.manual_seed(5)
        super().__init__(config)


class OwnStart(Toy):
    """Starts where no seed can bring it again."""

    def __init__(self, config):
        super().__init__(config)
        generator = torch.Generator()
        generator.seed()
        nn.init.normal_(self.network[0].weight, generator=generator)


class Scribbler(Toy):
    """Writes into its batch."""

    def step(self, batch, progress):
        batch.degraded.mul_(0.9)
        return super().step(batch, progress)


class Unlearning(Toy):
    """Climbs where it should descend."""

    def step(self, batch, progress):
        loss = -(batch.degraded + self.network(batch.degraded) - batch.clean).abs().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.detach()}


class Unheard(Toy):
    """Fills a hole with the mean of its surroundings, whatever its network has learnt."""

    needs_mask = True

    def restore(self, degraded, mask):
        kept, known = (nn.functional.avg_pool2d(each, 31, 1, 15) for each in (degraded * (1 - mask), 1 - mask))
        return torch.where(mask > 0, kept / known.clamp(min=0.01), degraded)


FAULTS = [
    (Silent, "moves every weight", "returned no scalars"),
    (InfiniteScalar, "moves every weight", "not finite at progress 0.9"),
    (AttachedScalar, "moves every weight", "return it detached"),
    (ForgottenWeights, "moves every weight", "in no optimizer"),
    (LeftFrozen, "moves every weight", "switch it on again"),
    (ForgottenWeights, "holds every weight once", "hand every weight to one"),
    (TwiceHeld, "holds every weight once", "held by two optimizers"),
    (ForeignWeights, "holds every weight once", "register their network"),
    (NewOptimizers, "holds every weight once", "make them in __init__"),
    (RenamedOptimizers, "holds every weight once", "make them in __init__"),
    (StateOutside, "resumes exactly", "keep lasting numbers in buffers"),
    (SameStart, "starts from its seed", "do not fix the seed"),
    (OwnStart, "starts from its seed", "draw from torch's generator"),
    (Scribbler, "leaves its batch alone", "work on a copy"),
    (Unlearning, "learns one batch", "is the loss on the right scale"),
    (Unheard, "learns one batch", "does the loss reach what restore returns"),
]  # class, the check that finds it, part of what it says
