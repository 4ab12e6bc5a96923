"""What each clause of the contract looks like when it is kept: lines of code to put in the place of what broke it."""

from __future__ import annotations

FIXES = {
    "declares itself": """
        class Mine(Method):
            \"\"\"What it is, where it comes from, what differs.\"\"\"
            tasks = frozenset({"jpeg"})
            @dataclass(frozen=True)
            class Config:
                width: int = 32""",
    "moves every weight": """
        fake = self.generator(batch.degraded)          # not under no_grad, not detached
        descend(self._optimizers["generator"], functional.l1_loss(fake, batch.clean))
        return {"l1": loss.detach()}""",
    "holds every weight once": """
        def __init__(self, config):
            ...
            self._optimizers = {"generator": Adam(self.generator.parameters(), lr=config.lr),
                                "critic": Adam(self.critic.parameters(), lr=config.lr)}
        def optimizers(self):
            return self._optimizers                    # the same objects at every call""",
    "resumes exactly": """
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))   # not self.steps = 0
        self.steps += 1                                                    # in step""",
    "starts from its seed": """
        nn.init.normal_(layer.weight, 0.0, 0.02)       # from the generator that the harness seeded; no manual_seed""",
    "restores pictures": """
        return self.generator(degraded).clamp(0.0, 1.0)   # float32, the input's shape, a new tensor""",
    "leaves its batch alone": """
        noisy = batch.degraded + noise                 # not batch.degraded += noise, nor mul_, clamp_""",
    "keeps pictures apart": """
        nn.InstanceNorm2d(width, affine=True)          # or BatchNorm2d, which must be in eval mode in restore""",
    "repeats itself": """
        generator = torch.Generator(degraded.device).manual_seed(0)
        noise = torch.randn(degraded.shape, generator=generator, device=degraded.device)""",
    "takes empty and full masks": """
        mean = (degraded * kept).sum((2, 3)) / kept.sum((2, 3)).clamp(min=1)   # no division by an empty area""",
    "works with and without a mask": """
        needs_mask = True                              # on the class; or, in restore:
        if mask is None: ...""",
    "takes any size": """
        multiple_of = 8                                # on the class, or self.multiple_of = 2**levels in __init__""",
    "learns one batch": """
        loss = functional.l1_loss(self.generator(batch.degraded), batch.clean)   # the output that restore returns""",
}  # clause -> code
