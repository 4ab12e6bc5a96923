"""Files that appear whole or not at all, and an end to what killed processes left of those they were writing."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from pathlib import Path

MARK = ".unfinished"  # .unfinished~HOST~PID~THREAD: nobody else writes to a name like ours, on shared storage either
FORGOTTEN = 24 * 3600.0  # seconds after which another machine's file is taken for left behind


def unfinished(path: Path) -> Path:
    """Where this thread may write what shall become `path`: in the same folder, so that os.replace moves it at once."""
    return path.with_name(f"{owned()}{threading.get_ident()}")


def owned() -> str:
    """How names of this process's unfinished files and folders begin."""
    return f"{MARK}~{socket.gethostname()}~{os.getpid()}~"


def write_atomic(path: Path, data: bytes) -> None:
    """Write through a temporary file in the same folder, so that no reader ever sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = unfinished(path)
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sweep(folder: Path, alone: bool = False, deep: bool = True) -> None:
    """Remove unfinished files and folders whose process is gone; all of them where no other process can be at work."""
    pattern = f"{MARK}~*"
    for path in list(folder.rglob(pattern) if deep else folder.glob(pattern)):
        if not alone and _in_use(path):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _in_use(path: Path) -> bool:
    """Whether the process that a name tells may still be writing; of another machine only the file's age is known."""
    _, host, process, *_ = [*path.name.split("~"), "", ""]
    if host == socket.gethostname() and process.isdigit() and os.name == "posix":
        return _runs(int(process))
    try:
        return time.time() - path.stat().st_mtime < FORGOTTEN
    except FileNotFoundError:
        return False


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
