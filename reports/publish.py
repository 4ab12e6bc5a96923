"""Puts a finished site in place of the last one: never over pages that are not ours, never half of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from bench.errors import UserError
from bench.results.store import write_atomic

MANIFEST = ".restorebench-site.json"  # the files of the last build, so that the next can clear what it no longer has


def check_target(site: Path) -> None:
    """Raises UserError where a site cannot be put."""
    if site.exists() and not site.is_dir():
        raise UserError(f"{site}: is a file; name a folder for the site")
    if (site / "index.html").exists() and not (site / MANIFEST).exists():
        raise UserError(f"{site}: already holds an index.html that is not a board; name another folder")


def publish(draft: Path, site: Path) -> None:
    """Move a finished draft over the site, pictures first and the index last; clear what the last build left over."""
    files = sorted(path.relative_to(draft).as_posix() for path in draft.rglob("*") if path.is_file())
    files.sort(key=lambda name: (name == "index.html", not name.startswith("pictures/"), name))
    old = _manifest(site)
    write_atomic(site / MANIFEST, json.dumps(sorted({*files, *old})).encode())
    for name in files:
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(draft / name, site / name)
    for name in set(old) - set(files):
        (site / name).unlink(missing_ok=True)
    write_atomic(site / MANIFEST, json.dumps(files).encode())


def _manifest(site: Path) -> list[str]:
    try:
        stored = json.loads((site / MANIFEST).read_text())
    except (OSError, ValueError):
        return []
    return [str(name) for name in stored if not Path(str(name)).is_absolute() and ".." not in Path(str(name)).parts]
