"""Whole tables, made of few sines: rows are products of rotations."""

import math
from array import array
from decimal import Context, Decimal
from functools import lru_cache
from itertools import chain

import torch
from torch import Tensor

from pe._checks import Layout

# Entries worked out at once: few enough to stay in a processor's cache, or enough to keep another device busy.
BLOCK, LARGE_BLOCK = 2**18, 2**23
# Entries of the nearest rows, which are kept once worked out. All others are turned from them.
NEAREST = 2**14


def write_rows(table: Tensor, first: int, base: float, layout: Layout) -> None:
    """Write the rows of the positions from `first` on, as products of rotations.

    A pair of columns is one complex number, z(p) = sin pω + i cos pω = i e^(−ipω). A shift is a rotation,
    z(q + r) = e^(−iqω) z(r): sines of a few positions q and of a few steps r are enough for all rows.
    """
    last, d_model = first + len(table), table.shape[1]
    digits, circle, near = _constants(d_model, base)
    nearest = torch.asarray(circle, dtype=torch.float64, device=table.device).view(near, -1)
    if first >= 0 and last <= near:
        _write(table, nearest[first:last], layout)
        return
    coarse, rest = torch.asarray(digits, dtype=torch.float64, device=table.device).view(2, -1)
    # A power of two, and every q a multiple of it: a row is the same product wherever its table begins.
    rows = max(near, _power_of_two(block_entries(table.device) // max(d_model, 256)))
    start = first // rows * rows
    low, high = (first - start, last - start) if last <= start + rows else (0, rows)
    # The steps are products themselves, of the nearest rows.
    begin = low // near * near
    turns = _turns(begin, high, near, coarse + rest)
    z = torch.view_as_complex(nearest.view(near, -1, 2))
    steps = (turns[:, None] * z).flatten(0, 1)[low - begin : high - begin]
    if start == 0 and last <= rows:
        _write(table, _flat(steps), layout)
        return
    block = torch.empty_like(steps)
    flat = _flat(block)
    for group in range(start, last, 32 * rows):
        # The angle of q times `coarse` is exact, and that of `rest` small.
        span = group, min(last, group + 32 * rows), rows
        for q, turn in zip(range(*span), _turns(*span, coarse) * _turns(*span, rest), strict=True):
            torch.mul(steps, turn, out=block)
            begin, end = max(first, q + low), min(last, q + high)
            _write(table[begin - first : end - first], flat[begin - q - low : end - q - low], layout)


def _flat(z: Tensor) -> Tensor:
    """Return complex numbers as the real columns of an interleaved table."""
    return torch.view_as_real(z).flatten(1)


def _write(table: Tensor, rows: Tensor, layout: Layout) -> None:
    """Write interleaved rows, in which a last odd column has its cosine, in the order of `layout`."""
    d_model, rows = table.shape[1], rounded(rows, table.dtype)
    if layout == "interleaved":
        table.copy_(rows[:, :d_model] if d_model % 2 else rows)
    else:
        sines, cosines = columns(d_model, layout)
        table[:, sines] = rows[:, 0::2]
        table[:, cosines] = rows[:, 1:d_model:2]


def rounded(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Return float64 numbers that a cast to `dtype` rounds as `x` has to be rounded.

    torch casts to a short dtype by way of float32, which now and then rounds twice in the same direction. So what
    float32 does not hold becomes that of its two neighbours there whose last bit is 1: it never lies halfway between
    two short numbers, and the second rounding decides as the first would have (Boldo and Melquiond, 2008).
    """
    if dtype.itemsize > 2:
        return x
    bits, below = x.view(torch.int64), 2**29 - 1  # the bits that float32 does not have
    odd = bits & below
    odd += below
    odd |= bits
    odd &= ~below
    return odd.view(torch.float64)


def _turns(start: int, stop: int, step: int, omega: Tensor) -> Tensor:
    """Return the rotation e^(−ipω) by each of the positions, a row for each."""
    angles = _angles(start, stop, step, omega)
    return torch.complex(angles.cos(), -angles.sin())


def _angles(start: int, stop: int, step: int, omega: Tensor) -> Tensor:
    return torch.outer(torch.arange(start, stop, step, dtype=torch.float64, device=omega.device), omega)


@lru_cache(maxsize=16)
def _constants(d_model: int, base: float) -> "tuple[array[float], array[float], int]":
    """Return the frequencies, to 74 bits, the nearest rows from position 0 on, and how many these are.

    A frequency is a sum: 21 bits, whose product with a position is exact, and the rest. At position 10^9 rounding it
    to float64 would already show in float32.
    """
    context, pairs, near = Context(prec=50), (d_model + 1) // 2, _power_of_two(NEAREST // d_model)
    ratio = context.power(Decimal(base), context.divide(Decimal(-2), Decimal(d_model)))
    digits, rows = array("d", bytes(16 * pairs)), array("d")
    omega = Decimal(1)
    for i in range(pairs):
        mantissa, exponent = math.frexp(omega)
        digits[i] = math.ldexp(round(mantissa * 2**21), exponent - 21)
        digits[pairs + i] = float(context.subtract(omega, Decimal(digits[i])))
        omega = context.multiply(omega, ratio)
    omegas = [a + b for a, b in zip(digits[:pairs], digits[pairs:], strict=True)]
    for p in range(near):
        angles = [p * omega for omega in omegas]
        rows.extend(chain.from_iterable(zip(map(math.sin, angles), map(math.cos, angles), strict=True)))
    return digits, rows, near


def _power_of_two(limit: int) -> int:
    """Return the largest power of two up to `limit`, at least 1."""
    return 1 << (limit | 1).bit_length() - 1


def columns(d_model: int, layout: Layout) -> tuple[slice, slice]:
    """Return which columns hold the sines and which the cosines."""
    sines = (d_model + 1) // 2
    if layout == "interleaved":
        return slice(0, None, 2), slice(1, None, 2)
    if layout == "sin_cos":
        return slice(0, sines), slice(sines, None)
    return slice(d_model - sines, None), slice(0, d_model - sines)


def block_entries(device: torch.device) -> int:
    """Return how many entries to work out at once."""
    return BLOCK if device.type == "cpu" else LARGE_BLOCK
