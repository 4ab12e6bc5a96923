"""A submission: FOLDER/card.toml, which says what a method is, and FOLDER/TASK/[seedN/]LEVEL/ID.png."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.data.near import near_duplicates
from bench.data.sources import open_source
from bench.errors import UserError
from bench.outside.opened import OpenTask
from bench.outside.predictions import Given, PredictionFolders
from bench.outside.score import Outsider, check_outsider, lint_outside, score_outside
from bench.results.store import Run
from bench.training.engine import Engine, choose_engine

CARD = "card.toml"
Said = Annotated[str, Field(min_length=1)]
Link = Annotated[str, Field(pattern=r"^(https?://\S+|doi:\S+|arXiv:\S+|none: .+)$")]


class Card(BaseModel):
    """The model card. Every key is needed, so that nothing is left unsaid; "none: REASON" says that there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Said  # on the board
    suite: Said  # whose inputs were restored
    summary: Said  # one sentence
    paper: Link
    code: Link
    licence: Said  # of code and weights
    data: Annotated[tuple[Said, ...], Field(min_length=1)]  # every set it was trained or tuned on, pretraining included
    contamination: Annotated[str, Field(min_length=20)]  # how it was made sure that no test picture was seen

    def markdown(self) -> str:
        """The card as the board shows it."""
        links = (("Paper", self.paper), ("Code", self.code), ("Licence", self.licence))
        facts = [f"- {what}: {said}" for what, said in links] + [f"- Data: {each}" for each in self.data]
        return "\n".join([f"# {self.name}", "", self.summary, "", *facts, f"- Contamination: {self.contamination}"])


@dataclass(frozen=True)
class Submission:
    """A card with its pictures, task by task, as their layout says."""

    card: Card
    tasks: dict[str, tuple[OpenTask, PredictionFolders]]

    @classmethod
    def open(cls, folder: Path, plugins: tuple[Path, ...] = ()) -> Submission:
        """Read it. Raises UserError on a card that is absent or incomplete, an unknown task or a missing level."""
        card = read_card(folder)
        names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        if not names:
            raise UserError(f"{folder} has no pictures; put them into {folder}/TASK/LEVEL/ID.png")
        tasks = {}
        for name in names:
            opened = OpenTask.of(card.suite, name, plugins)
            check_outsider(opened, card.name)
            tasks[name] = opened, PredictionFolders.open((Given(folder / name),), opened.levels)
        return cls(card, tasks)

    def faults(self, training: tuple[Path, ...] = ()) -> Iterator[str]:
        """What the linter says, and test pictures that look like one of the training folders given; a line each."""
        for name, (opened, predictions) in self.tasks.items():
            yield from (f"{name}: {line}" for line in lint_outside(opened, predictions))
            test = opened.plan.exam.pictures
            for folder in training:
                pairs = near_duplicates(open_source(f"folder:{folder}", "all"), test.pictures.source)
                seen = [(ours, theirs) for ours, theirs, _ in pairs if theirs in test.ids]
                yield from (f"{name}: {folder}: {ours} looks like test picture {theirs}" for ours, theirs in seen)

    def score(self, runs: Path, device: str) -> list[Run]:
        """Put every task on its board, the card with it."""
        outsider = Outsider(self.card.name, self.card.markdown())
        return [
            run
            for opened, predictions in self.tasks.values()
            for run in score_outside(opened, outsider, predictions, runs, _engine(device, opened))
        ]


def read_card(folder: Path) -> Card:
    """FOLDER/card.toml. Raises UserError with one line on the first thing wrong with it."""
    path = folder / CARD
    if not path.is_file():
        raise UserError(f"{path} does not exist; docs/submissions.md shows one")
    try:
        return Card.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where, kind = ".".join(map(str, first["loc"])), first["type"]
        if kind == "string_pattern_mismatch":
            raise UserError(f"{path}: {where}: write https://…, doi:…, arXiv:… or 'none: REASON'") from None
        words = {"extra_forbidden": f"unknown key; known: {', '.join(Card.model_fields)}", "missing": "must be said"}
        raise UserError(f"{path}: {where}: {words.get(kind, first['msg'])}") from None


def _engine(device: str, opened: OpenTask) -> Engine:
    return choose_engine(device, opened.suite.train.precision)
