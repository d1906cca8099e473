"""Work in other threads: apart from the modes of torch, or divided."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Semaphore
from typing import TypeVar

import torch

Result = TypeVar("Result")

# More than these would mostly wait for Python.
MOST_THREADS = 8


def apart(*work: Callable[[], Result]) -> list[Result]:
    """Return what each returns in a new thread, where torch has none of the modes and transforms in force here.

    There torch computes alone: it divides no operation between further threads.
    """
    threads, started = torch.get_num_threads(), Semaphore(0)
    several = threads > 1 and can_be_alone()

    def alone(one: Callable[[], Result]) -> Result:
        if several:
            torch.set_num_threads(1)  # in this thread, and in every new one until it is set again
        started.release()
        return one()

    with ThreadPoolExecutor(len(work)) as pool:
        try:
            running = [pool.submit(alone, one) for one in work]
            for _ in running:
                started.acquire()
        finally:
            if several:
                torch.set_num_threads(threads)
    return [one.result() for one in running]


def divide(work: Callable[[int, int], None], rows: int) -> None:
    """Call `work` with the first row and the end of each share of so many rows, all shares at once.

    Without this, torch divides every operation between its threads, and at the end of each all wait for the slowest. In
    a large table these are hundreds of waits, which take long where other programs keep a core busy.

    Nothing that is done so can be part of a gradient, and torch's modes see none of it.
    """
    share, inference = -(-rows // min(torch.get_num_threads(), MOST_THREADS)), torch.is_inference_mode_enabled()

    def write(first: int) -> None:
        with torch.inference_mode(inference), torch.no_grad():
            work(first, min(first + share, rows))

    apart(*(partial(write, first) for first in range(0, rows, share)))


def can_be_alone() -> bool:
    """Return whether a thread can have a number of threads of its own."""
    return torch.backends.openmp.is_available()  # type: ignore[no-untyped-call, no-any-return]
