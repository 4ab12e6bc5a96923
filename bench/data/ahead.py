"""Reads ahead: the next few results are made in other threads while the present one is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKERS = 2  # decoders give the interpreter free, so that two keep a scorer busy
DEPTH = 4  # results that may wait, or as many as there are workers: memory does not grow with the number of items


def ahead(work: Callable[[Item], Result], items: Iterable[Item], workers: int = WORKERS) -> Iterator[Result]:
    """Results of work in the order of items. What work raises is raised where its result would have come."""
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > max(DEPTH, workers):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
