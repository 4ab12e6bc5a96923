"""The suite file: what is trained and scored, on which pictures, at which budget. TOML, validated."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.errors import UserError, unknown

SUITES = Path(__file__).parent / "suites"
Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    """A table of the suite file: frozen, unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(Section):
    """Pictures: `source` splits itself into train and test, or both halves are named."""

    source: str | None = None
    train: str | None = None
    test: str | None = None
    content: Literal["scenes", "faces"] | None = None  # default: what the source says
    scale: Annotated[float, Field(gt=0, le=1)] = 1.0  # pictures are first shrunk by this factor,
    short_side: Count = 0  # or resized to this short side; 0 leaves them

    @model_validator(mode="after")
    def _halves(self) -> Data:
        if (self.source is None) == (self.train is None or self.test is None):
            raise ValueError("give either source, or both train and test")
        return self

    def spec(self, split: Literal["train", "test"]) -> tuple[str, Literal["train", "test", "all"]]:
        """The source to open and which part of it."""
        if self.source is not None:
            return self.source, split
        return (self.train if split == "train" else self.test) or "", "all"


class Train(Section):
    """The budget every trained method of a task gets."""

    images: Positive = 8000  # pictures seen
    batch: Positive = 16
    crop: Positive = 64
    seeds: Annotated[tuple[Count, ...], Field(min_length=1)] = (0,)
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0  # decay of the averaged weights that restore; 0 = off
    precision: Literal["auto", "float32", "bf16"] = "auto"  # auto: bf16 on a GPU, float32 on a CPU
    checkpoint_seconds: Annotated[float, Field(gt=0)] = 30.0
    trackers: tuple[str, ...] = ()  # besides TensorBoard: "mlflow", "wandb"


class Score(Section):
    """What is scored, and by what."""

    size: Count = 64  # centre crop scored; 0 = whole pictures
    pictures: Count = 0  # test pictures, evenly spaced over the source; 0 = all
    keep: Count = 8  # pictures kept for the board
    batch: Positive = 16
    metrics: tuple[str, ...] = ("psnr", "ssim")


class TaskSuite(Section):
    """One task of the suite; the overrides apply to every method of it."""

    data: str
    methods: Annotated[tuple[str, ...], Field(min_length=1)]
    train: str | None = None  # training level; default: the task's own
    levels: tuple[str, ...] | None = None  # scored levels; default: the task's own
    images: Positive | None = None  # budget override
    pictures: Count | None = None
    size: Count | None = None
    settings: dict[str, dict[str, Any]] = {}  # per method: overrides for this task alone, over the suite's


class Suite(Section):
    """A whole suite file."""

    name: str
    description: str = ""
    data: dict[str, Data]
    train: Train = Train()
    score: Score = Score()
    tasks: dict[str, TaskSuite]
    methods: dict[str, dict[str, Any]] = {}  # per method: overrides of its Config

    @model_validator(mode="after")
    def _data_named(self) -> Suite:
        for task, section in self.tasks.items():
            if section.data not in self.data:
                raise ValueError(f"tasks.{task}.data names '{section.data}', but the suite has {sorted(self.data)}")
        return self


def suite_names() -> list[str]:
    """Suites that ship with the package."""
    return sorted(path.stem for path in SUITES.glob("*.toml"))


def load_suite(name: str) -> Suite:
    """A suite by its name or by the path of a TOML file. Raises UserError with one line on any mistake."""
    path = SUITES / f"{name}.toml" if name in suite_names() else Path(name)
    if not path.is_file():
        if path.suffix == ".toml":
            raise UserError(f"suite file {path} does not exist; `restorebench list suites` shows those that ship")
        raise unknown("suite", name, suite_names())
    try:
        stored = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid TOML: {error}") from None
    try:
        return Suite.model_validate({"name": path.stem, **stored})
    except ValidationError as error:
        raise UserError(f"{path}: {_first_mistake(error)}") from None


def _first_mistake(error: ValidationError) -> str:
    """One line for the first thing wrong in a suite file."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0.5)
        return f"unknown key '{where}'; " + (f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}")
    return f"{where or 'suite'}: {first['msg'].removeprefix('Value error, ')}"


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Keys a table of the suite file may have, by its place in the file."""
    tables: dict[str, type[Section]] = {"data": Data, "train": Train, "score": Score, "tasks": TaskSuite}
    return sorted((tables[str(location[0])] if location else Suite).model_fields)
