"""The suite from Python: the same calls as the command line.

```python
from bench import api

runs = api.run("quickstart")
found = api.measure(api.Folders(Path("out"), Path("truth")), metrics=("psnr", "ssim"))
```
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.config import Suite, load_suite
from bench.discovery import discover
from bench.errors import UserError, unknown
from bench.launch import Bench, Watcher, check_writable
from bench.launchers import Launcher, launch
from bench.launchers.desk import Order
from bench.outside.opened import OpenTask
from bench.outside.predictions import Given, PredictionFolders
from bench.outside.score import Outsider, check_outsider, score_outside
from bench.plan import plan_suite
from bench.restoring import (
    AUTO,
    Clip,
    Masks,
    Output,
    Progress,
    Restored,
    StoredMethod,
    open_pictures,
    restore_clip,
    restore_source,
    scored_levels,
    silent,
    triplets,
)
from bench.results.store import Run
from bench.scoring.measure import Folders, Measurement, measure
from bench.training.engine import choose_engine
from bench.training.trackers import check_trackers
from bench.video.reading import is_video

__all__ = [
    "Folders", "Given", "Launcher", "Measurement", "Pictures", "Predictions", "Restored", "Settings",
    "measure", "restore", "run", "score", "score_folder", "score_folders", "train",
]  # fmt: skip


@dataclass(frozen=True)
class Predictions:
    """Pictures made elsewhere: one subfolder per level (or none, where the suite has one level), named by image id."""

    folder: Path
    name: str
    task: str


@dataclass(frozen=True)
class Pictures:
    """What `restore` works on: a damaged picture, a folder of them or a video, with masks where the method is told;
    or clean pictures, for triplets.
    """

    source: Path
    out: Path
    mask: Path | None = None  # a folder; for a video, or one picture, a file
    triplets: bool = False
    level: str = ""  # of the damage, for triplets; default: the first that the run is scored on
    short_side: int = 0  # pictures are first brought to it; 0: as they are, or for triplets as the run was trained
    alpha: bool = False  # what is transparent is the mask
    tile: int = AUTO  # side of the tiles that larger pictures are cut into; 0: none; AUTO: where memory asks for it
    suffix: str = ".png"  # or ".jpg": of the pictures in a folder
    truth: Path | None = None  # the undamaged video: each frame is scored against it
    metrics: tuple[str, ...] = ()  # by these; none: psnr and ssim


@dataclass(frozen=True)
class Settings:
    """Where a suite runs, and which part of it. The defaults are the command line's."""

    runs: Path = Path("runs")
    device: str = "auto"
    plugins: tuple[Path, ...] = ()
    tasks: tuple[str, ...] = ()  # only these of the suite; () = all
    methods: tuple[str, ...] = ()  # likewise
    watcher: Watcher = Watcher()
    launcher: Launcher = Launcher()  # in this process, in several, or on a cluster


def run(suite: str = "quickstart", settings: Settings | None = None) -> list[Run]:
    """Train and score a whole suite. What is finished in the runs folder is not done again.

    suite: a name or the path of a TOML file. Raises UserError on the user's mistakes, before any work is done.
    """
    return _run(suite, settings or Settings(), train=True, score=True)


def train(suite: str = "quickstart", settings: Settings | None = None) -> list[Run]:
    """The first half of `run`."""
    return _run(suite, settings or Settings(), train=True, score=False)


def score(suite: str = "quickstart", settings: Settings | None = None) -> list[Run]:
    """The second half of `run`: scores what is trained and leaves the rest."""
    return _run(suite, settings or Settings(), train=False, score=True)


def score_folder(predictions: Predictions, suite: str = "quickstart", settings: Settings | None = None) -> Run:
    """Score pictures made elsewhere from a suite's evaluation inputs; they become a row of the board.

    Raises UserError when the name is one of our methods', or a level has no pictures.
    """
    return score_folders(predictions.name, predictions.task, (Given(predictions.folder),), suite, settings)[0]


def score_folders(
    name: str, task: str, given: Sequence[Given], suite: str = "quickstart", settings: Settings | None = None
) -> list[Run]:
    """Score folders made elsewhere, one or several by level and seed; a run for each seed. Raises as score_folder."""
    settings = settings or Settings()
    opened = OpenTask.of(suite, task, settings.plugins)
    check_outsider(opened, name)
    folders = PredictionFolders.open(given, opened.levels)
    engine = choose_engine(settings.device, opened.suite.train.precision)
    return score_outside(opened, Outsider(name), folders, settings.runs, engine)


def restore(
    run: Path, pictures: Pictures, device: str = "auto", plugins: tuple[Path, ...] = (), progress: Progress = silent
) -> Restored:
    """Apply the method of a stored run, runs/TASK/METHOD/ID, to a picture, a folder of pictures or a video.

    progress: called with the frames of a video that are done, and how many there are. Raises UserError when the run
    cannot restore, masks are missing, not one picture could be restored, or a video cannot be read or written.
    """
    found = discover(plugins)
    _check(pictures)
    stored = StoredMethod.open(run, found, device, pictures.tile)
    if is_video(pictures.source):
        clip = Clip(pictures.source, pictures.out, pictures.mask, pictures.truth, pictures.metrics)
        return restore_clip(stored, clip, progress)
    source = open_pictures(pictures.source)
    if pictures.triplets:
        level = pictures.level or (scored_levels(stored.run) or [stored.task.train])[0]
        return triplets(stored, source, found.level(stored.run.task, level), pictures.out, pictures.short_side)
    masks = Masks.open(pictures.mask, pictures.alpha)
    return restore_source(stored, source, masks, Output(pictures.out, pictures.suffix, pictures.short_side))


def _check(pictures: Pictures) -> None:
    """Raises UserError on wishes that contradict each other."""
    if pictures.triplets and (pictures.mask is not None or pictures.alpha):
        raise UserError("--triplets damages clean pictures itself; leave --mask out")
    if pictures.level and not pictures.triplets:
        raise UserError("--level says how --triplets damages pictures; give both or none")
    if pictures.mask is not None and pictures.alpha:
        raise UserError("the mask is either in files or in the alpha channel; give --mask or --alpha")
    if is_video(pictures.source) and (pictures.triplets or pictures.alpha or pictures.short_side):
        raise UserError("--triplets, --alpha and --short-side are for pictures; leave them out with a video")
    if pictures.truth is not None and not is_video(pictures.source):
        raise UserError("--truth is for a video; score pictures with `restorebench measure`")
    if pictures.metrics and pictures.truth is None:
        raise UserError("--metrics says how frames are scored against --truth; give both or none")


def _run(suite: str, settings: Settings, train: bool, score: bool) -> list[Run]:
    found = discover(settings.plugins)
    chosen = _part(load_suite(suite), settings.tasks, settings.methods)
    settings.launcher.check()
    if train:
        check_trackers(chosen.train.trackers)
    engine = settings.launcher.engine(settings.device, chosen.train.precision)
    jobs = plan_suite(chosen, found, engine)
    check_writable(settings.runs)
    settings.watcher.planned(jobs, found.problems)
    bench = Bench(settings.runs, engine, chosen.score.metrics, settings.watcher, train, score, found.metrics)
    device = "cuda" if settings.launcher.gpus_per_job else engine.device.type
    order = Order(chosen, device, engine.precision, settings.runs, train, score, settings.plugins)
    return launch(jobs, bench, order, settings.launcher)


def _part(suite: Suite, tasks: tuple[str, ...], methods: tuple[str, ...]) -> Suite:
    """A suite cut down to some of its tasks and methods. Raises UserError on one it does not have."""
    for name in tasks:
        if name not in suite.tasks:
            raise unknown(f"task of suite {suite.name}", name, suite.tasks)
    everything = {name for section in suite.tasks.values() for name in section.methods}
    for name in methods:
        if name not in everything:
            raise unknown(f"method of suite {suite.name}", name, everything)
    kept = {}
    for task, section in suite.tasks.items():
        chosen = tuple(name for name in section.methods if not methods or name in methods)
        if chosen and (not tasks or task in tasks):
            own = {name: changes for name, changes in section.settings.items() if name in chosen}
            kept[task] = section.model_copy(update={"methods": chosen, "settings": own})
    return suite.model_copy(update={"tasks": kept})
