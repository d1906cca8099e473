"""Faults that mix up columns, and the columns of grids."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pe.doctor import estimate, naming
from pe.doctor.estimate import Format
from pe.doctor.faults import Fault


@dataclass(frozen=True)
class Mixed:
    """A table whose columns are sines and cosines of the wrong angles."""

    fault: Fault
    base: float
    scale: float


def mixed_up(x: Tensor, form: Format) -> Mixed | None:
    """Return the fault of a table from position 0 on whose columns follow a wrong law, one by one.

    In row 1 stand the sines of the frequencies themselves. They fall by a law of the column, and its slope is the base.
    """
    n, width = x.shape
    if n < 4 or width < 8:
        return None
    column = torch.arange(width, dtype=torch.float64)
    pair = column // 2
    found: list[Mixed] = []
    alternating, always = column % 2 == 0, torch.ones(width, dtype=torch.bool)
    laws: list[tuple[Fault, Tensor, Tensor]] = [
        ("The exponent counts columns instead of pairs", 2 * column / width, alternating),
        ("A frequency for each column", column / width, alternating),
    ]
    for share in (2 * pair / width, 2 * (column % (width // 2)) / width, column / width):
        laws += [("Sines or cosines alone", share, always), ("Sines or cosines alone", share, ~always)]
    for fault, share, is_sine in laws:
        scale = 1.0 if is_sine.all() else float(x[0, ~is_sine].mean())
        row = (x[1] / scale).clamp(-1, 1) if scale else x[1]
        omega = torch.where(is_sine, row.asin(), row.acos())
        told = (share > 0) & (omega > 1e-3)
        if bool(is_sine.any()):
            told &= is_sine
        if not told.any():
            continue
        slope = -float((share * omega.log())[told].sum() / (share[told] ** 2).sum())
        if not 0 < slope < 60:
            continue
        for base, _ in naming.nice(math.exp(slope), math.exp(slope) * 0.75, math.exp(slope) * 1.25, (1e4,)):
            angle = torch.arange(n, dtype=torch.float64)[:, None] * base**-share
            left = (x - scale * torch.where(is_sine, angle.sin(), angle.cos())).abs()
            drift = estimate.SINGLE * angle.abs() * (3 + 3 * math.log(base) * share) * abs(scale)
            if (left <= (form.relative + 4 * estimate.SINGLE) * x.abs() + form.absolute + drift).all():
                found.append(Mixed(fault, base, scale))
                break
    # An exponent that grows twice as fast with a base that is the root is the same.
    return min(found, key=lambda mixed: mixed.base != 1e4, default=None)


def grid(x: Tensor) -> list[int]:
    """Return how many rows each axis of a grid has, that of the slowest first; for a sequence only the one number.

    A column of the slow axis changes only every W rows; one of the fast axis is the same again after W rows.
    """
    n = len(x)
    close = 4 * estimate.SINGLE * float(x.abs().max())
    changes = (x.diff(dim=0).abs() > close) if n > 1 else x.new_zeros(0, x.shape[1], dtype=torch.bool)
    for width in (w for w in range(2, n // 2 + 1) if n % w == 0):
        inside = torch.arange(1, n) % width != 0
        stays = ~changes[inside].any(0)
        moving = changes.any(0)
        if not (stays & moving).any() or stays.all():
            continue
        again = (x[width:] - x[:-width])[:, ~stays].abs().amax() <= close
        if again:
            return [*grid(x[::width][:, stays]), width]
    return [n]


def axis_of_columns(x: Tensor, sizes: list[int]) -> Tensor:
    """Return which axis each column depends on, or -1 for one that is the same everywhere."""
    cells = x.view(*sizes, x.shape[1])
    close = 4 * estimate.SINGLE * float(x.abs().max())
    found = torch.full((x.shape[1],), -1)
    for axis in range(len(sizes)):
        found[(cells.diff(dim=axis).abs() > close).flatten(0, -2).any(0)] = axis
    return found


def orders(width: int, axes: int) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """Yield the orders in which libraries put the columns of several axes: the blocks, and the axis of each column."""
    for axis in itertools.permutations(range(axes)):
        for blocks in (axis, axis * 2):  # all of an axis; or sines of all axes, then cosines
            size = -(-width // (2 * axes)) * 2 if len(blocks) == axes else width // len(blocks)
            if len(blocks) == axes or width % len(blocks) == 0:
                yield blocks, [blocks[min(column // size, len(blocks) - 1)] for column in range(width)]
            if len(blocks) == axes and width % axes == 0 and width // axes != size:
                yield blocks, [blocks[column // (width // axes)] for column in range(width)]
