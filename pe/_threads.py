"""Work in other threads: divided between several, or apart from the modes of torch."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Semaphore
from typing import TypeVar

import torch

Result = TypeVar("Result")

# More than these would mostly wait for Python.
MOST_THREADS = 8


def divide(work: Callable[[int, int], None], rows: int) -> None:
    """Call `work` with the first row and the end of each share of so many rows, all shares at once.

    Without this, torch divides every operation between its threads, and at the end of each all wait for the slowest. In
    a large table these are hundreds of waits, which take long where other programs keep a core busy.

    Nothing that is done so can be part of a gradient, and torch's modes see none of it.
    """
    threads, inference, started = torch.get_num_threads(), torch.is_inference_mode_enabled(), Semaphore(0)
    share = -(-rows // min(threads, MOST_THREADS))

    def alone(first: int) -> None:
        torch.set_num_threads(1)  # in this thread, and in every new one until it is set again
        started.release()
        with torch.inference_mode(inference), torch.no_grad():
            work(first, min(first + share, rows))

    with ThreadPoolExecutor(MOST_THREADS) as pool:
        try:
            shares = [pool.submit(alone, first) for first in range(0, rows, share)]
            for _ in shares:
                started.acquire()
        finally:
            torch.set_num_threads(threads)
    for one in shares:
        one.result()


def apart(work: Callable[[], Result]) -> Result:
    """Return what `work` returns in a new thread, where torch has none of the modes and transforms in force here."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()
