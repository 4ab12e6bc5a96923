"""All drawings of a task page but those over severity and training, by the section that they stand in."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from reports.drawings.distributions import distributions
from reports.drawings.duels import duels
from reports.drawings.plots import perception_distortion, quality_cost
from reports.tables.board import TaskBoard


@dataclass(frozen=True)
class Drawing:
    """A drawing and what it says. name: its class on the page."""

    name: str
    svg: Markup
    caption: str


@dataclass(frozen=True)
class Group:
    """A section of drawings. note: what holds for all of them."""

    name: str
    title: str
    drawings: list[Drawing]
    note: str


PLANE = "Perception against distortion: methods towards the upper right are better at both."
COST = "Quality against cost: the stepped line is the Pareto front, the methods that nothing smaller beats."
SPREAD = (
    "A method's pictures: the box holds the middle half of them with the median as a bar, the line nine tenths; "
    "a dot is a picture beyond. Means over seeds and levels."
)
DUELS = (
    "Of 100 pictures, on how many the method of the row beats that of the column. Bold: the means differ beyond the "
    "noise (paired, Holm-corrected over all pairs shown)."
)


def drawings(board: TaskBoard) -> list[Group]:
    """The sections that this task's scores allow."""
    groups = (
        Group(
            "trades",
            "Trades",
            _known(("plane", perception_distortion(board), PLANE), ("cost", quality_cost(board), COST)),
            "● method   ◆ oracle, told where the damage is   × degraded input",
        ),
        Group(
            "by-picture",
            "Picture by picture",
            _known(("spread", distributions(board), SPREAD), ("duels", duels(board), DUELS)),
            "The leading methods and the degraded input, grey like oracles.",
        ),
    )
    return [group for group in groups if group.drawings]


def _known(*each: tuple[str, Markup | None, str]) -> list[Drawing]:
    return [Drawing(name, svg, caption) for name, svg, caption in each if svg is not None]
