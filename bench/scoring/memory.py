"""A batch that does not fit into a GPU's memory is done in smaller parts, down to one picture."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import torch

OUT_OF_MEMORY = "out_of_memory"  # status of a picture that does not fit even alone
NO_CPU_MEMORY = "DefaultCPUAllocator: "  # so torch begins to say that the CPU has none left

T = TypeVar("T")


def attempt(work: Callable[[], T]) -> T | None:
    """What work gives, or None when memory runs out, the device's or ours; what it had taken is free again then."""
    try:
        return work()
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError, and so is the CPU's
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and NO_CPU_MEMORY not in str(error):
            raise
    # out of the handler first: the error's traceback keeps the failed work's tensors alive
    torch.cuda.empty_cache()  # does nothing where CUDA is not in use
    return None


def in_parts(work: Callable[[slice], list[T]], lost: Callable[[int], list[T]], count: int) -> list[T]:
    """What work gives for items 0 to count, all at once if memory allows, else in parts of half the size, and so on.

    work: results of a part. lost: results of one item that does not fit alone. Results come in order.
    """
    done: list[T] = []
    start, size = 0, count
    while start < count:
        part = slice(start, min(start + size, count))
        found = attempt(partial(work, part))
        if found is not None:
            done += found
        elif part.stop - start > 1:
            size = (part.stop - start) // 2
            continue
        else:
            done += lost(start)
        start = part.stop
    return done
