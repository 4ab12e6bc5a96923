"""Independent parts of work, one to each core.

torch's own threads gain little on arrays as small as a picture; pictures, or parts of one, on threads of their own do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def on_cores(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """What work gives for each item, in order, on as many threads as torch is set to use, torch itself on one in each.

    work must leave the interpreter free most of its time, as torch, numpy and OpenCV do.
    """
    threads = torch.get_num_threads()
    if min(len(items), threads) == 1:
        return [work(item) for item in items]
    try:
        with ThreadPoolExecutor(min(len(items), threads), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(work, items))
    finally:
        torch.set_num_threads(threads)  # a worker's setting reaches beyond it in parts of torch
