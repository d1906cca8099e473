"""The numbers that all of `pe` computes with. What comes here has been checked; nothing is checked again."""

import math
import operator
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from pe._devices import float64_device
from pe._threads import apart, can_be_alone, divide

Layout = Literal["interleaved", "sin_cos", "cos_sin"]
"""The orders of columns: sine, cosine, sine, … as in the paper; all sines, then all cosines; or cosines first.

It is the type of `layout=`, for programs that pass one on. Explained in [Conventions](../conventions.md).
"""

# Numbers computed at once: on a CPU as many as fit into its cache, elsewhere enough to keep the device busy.
CPU_NUMBERS, DEVICE_NUMBERS = 2**18, 2**22
# Entries from which on rows are divided between threads, which take a few milliseconds to start.
DIVIDED_ENTRIES = 2**24


def frequencies(d_model: int, base: float, device: torch.device) -> Tensor:
    """Return base^(−2i/d_model) for each pair i of columns, in float64; on the CPU if `device` has none."""
    two_i = torch.arange(0, d_model, 2, dtype=torch.float64, device=float64_device(device))
    return base ** (-two_i / d_model)


@lru_cache(maxsize=64)
def _kept_frequencies(d_model: int, base: float, device: torch.device) -> Tensor:
    # Apart from torch's modes and transforms; and a copy from the CPU is there when the next work on a GPU begins.
    return apart(lambda: frequencies(d_model, base, torch.device("cpu")).to(device))[0]


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _constant_frequencies(d_model: int, base: float, device: torch.device) -> Tensor:
    return _kept_frequencies(d_model, base, device)


def encode(positions: Tensor, d_model: int, base: float, layout: Layout, dtype: torch.dtype) -> Tensor:
    """Return the encoding of any real positions, given in float64: a sine or cosine for each entry."""
    plain, device = is_plain(positions), positions.device
    if is_compiling():  # else compilers would work out a frequency for each entry
        omega = _constant_frequencies(*constants(d_model, base), device)
    else:
        omega = (_kept_frequencies if plain and not is_capturing(device) else frequencies)(d_model, base, device)
    if not plain or (positions.requires_grad and torch.is_grad_enabled()):
        # In one piece: a graph is for any length, and for a gradient every part would copy the whole.
        angles = positions[..., None] * omega
        sines, cosines = angles.sin(), angles.cos()
        if layout == "interleaved":
            return _cast(torch.stack([sines, cosines], -1).flatten(-2)[..., :d_model], dtype)
        halves = [sines, cosines[..., : d_model // 2]]
        return _cast(torch.cat(halves if layout == "sin_cos" else halves[::-1], -1), dtype)
    table = positions.new_empty((*positions.shape, d_model), dtype=dtype)
    p, out = positions.reshape(-1, 1), table.view(-1, d_model)
    sine_columns, cosine_columns = columns(d_model, layout)

    def write(first: int, stop: int) -> None:
        for part in parts(first, stop, rows_at_once(len(omega), device)):
            angles = p[part] * omega
            of_sines, of_cosines = (part, sine_columns), (part, cosine_columns)
            if dtype == torch.float32:  # torch rounds to it as it computes
                torch.sin(angles, out=out[of_sines])
                torch.cos(angles[:, : d_model // 2], out=out[of_cosines])
            else:
                out[of_sines] = rounded_in_place(angles.sin(), dtype)
                out[of_cosines] = rounded_in_place(angles[:, : d_model // 2].cos(), dtype)

    by_rows(write, len(p), d_model, table)
    return table


def rounded(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Return float64 numbers that a cast to `dtype` rounds as `x` has to be rounded.

    torch casts to 16 bits by way of float32, and two roundings in the same direction may go too far. So a number that
    float32 does not hold becomes that of its two neighbours in float32 whose last bit is 1. No such neighbour lies
    halfway between two numbers of 16 bits, so the second rounding decides as a single one would (Boldo and Melquiond,
    2008).
    """
    if dtype.itemsize > 2:
        return x
    bits, below = x.view(torch.int64), 2**29 - 1  # the bits that float32 does not have
    odd = bits & below
    odd += below
    odd |= bits
    odd &= ~below
    return odd.view(torch.float64)


def rounded_in_place(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Return such numbers, where another device than a CPU keeps them in the memory of `x`.

    There memory is what takes time. The last bit of the upper half of a number becomes 1 if any bit of the lower half
    is, and of the lower half too little is left to matter.
    """
    if dtype.itemsize > 2 or x.device.type == "cpu":
        return rounded(x, dtype)
    lower, upper = x.view(torch.int32).view(*x.shape, 2).unbind(-1)
    upper |= lower.ne_(0)
    return x


def _cast(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Return `x` rounded once to `dtype`, with its gradient, which operations on bits would lose.

    What is exported rounds twice, which shows in a few entries in a million of 16 bits: not every engine knows bits.
    """
    if dtype.itemsize == 2 and not is_exporting():
        exact = x.detach()
        x = x + (rounded(exact, dtype) - exact)
    return x.to(dtype)


def columns(d_model: int, layout: Layout) -> tuple[slice, slice]:
    """Return which columns hold the sines and which the cosines."""
    sines = (d_model + 1) // 2
    if layout == "interleaved":
        return slice(0, None, 2), slice(1, None, 2)
    if layout == "sin_cos":
        return slice(0, sines), slice(sines, None)
    return slice(d_model - sines, None), slice(0, d_model - sines)


def by_rows(write: Callable[[int, int], None], rows: int, d_model: int, table: Tensor) -> None:
    """Call `write` with the first row and the end of what it is to write into `table`; many rows are divided."""
    large = rows * d_model >= DIVIDED_ENTRIES and table.device.type == "cpu" and is_plain(table)
    if large and torch.get_num_threads() > 1 and can_be_alone():
        divide(write, rows)
    else:
        write(0, rows)


def parts(first: int, stop: int, rows: int) -> Iterator[slice]:
    """Yield so many rows at a time."""
    return (slice(i, min(i + rows, stop)) for i in range(first, stop, rows))


def rows_at_once(numbers: int, device: torch.device) -> int:
    """Return how many rows of so many numbers to compute at once."""
    return max(1, (CPU_NUMBERS if device.type == "cpu" else DEVICE_NUMBERS) // numbers)


def in_graph() -> bool:
    """Return whether torch is making a graph of what is computed now."""
    return torch.compiler.is_compiling() or is_exporting()


def is_compiling() -> bool:
    """Return whether that graph is to be run by this process: compiled, but not exported."""
    return torch.compiler.is_compiling() and not is_exporting()


def constants(d_model: int, base: float) -> tuple[int, float]:
    """Return both as numbers that a compiler does not leave open: it compiles again for others."""
    return operator.index(d_model), math.ldexp(*math.frexp(base))


def is_exporting() -> bool:
    """Return whether that graph is to be kept: exported, or traced."""
    asked = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)  # before torch 2.7
    return bool(asked() or torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]


def is_capturing(device: torch.device) -> bool:
    """Return whether a CUDA graph captures what is computed now: whenever it is replayed, it uses the same memory."""
    on_gpu = device.type not in ("cpu", "meta") and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return on_gpu and torch.cuda.is_current_stream_capturing()


def is_ordinary(x: Tensor) -> bool:
    """Return whether `x` runs torch's own operations: a FakeTensor and a DTensor do not."""
    return type(x).__torch_dispatch__ == Tensor.__torch_dispatch__


def is_plain(x: Tensor) -> bool:
    """Return whether `x` has memory of its own; in a graph, on the meta device or within a transform it has none."""
    if in_graph() or not is_ordinary(x):
        return False
    try:
        return x.data_ptr() != 0 or not x.numel()
    except RuntimeError:
        return False
