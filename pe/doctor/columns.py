"""Faults that mix up columns, and the columns of grids."""

import itertools
import math

import torch
from torch import Tensor

from pe.doctor import estimate, naming
from pe.doctor.estimate import Format
from pe.doctor.faults import Fault


def mixed_up(x: Tensor, form: Format) -> tuple[Fault, float, float] | None:
    """Return fault, base and scale of a table from position 0 on in which each column has an angle of its own.

    Row 1 shows the sines of the frequencies themselves. They fall by a law of the column, and its slope is the base.
    """
    n, width = x.shape
    if n < 4 or width < 8:
        return None
    for half in (x[:, ::2], x[:, : width // 2]):  # of sines alone, each may be there twice
        if torch.equal(x, half.repeat_interleave(2, 1)) or torch.equal(x, half.repeat(1, 2)):
            x = half
    share = torch.arange(x.shape[1], dtype=torch.float64) / x.shape[1]
    alternating, alone = torch.arange(x.shape[1]) % 2 == 0, torch.ones(x.shape[1], dtype=torch.bool)
    for is_sine in (alternating, alone, ~alone) if x.shape[1] == width else (alone, ~alone):
        scale = 1.0 if is_sine.all() else float(x[0, ~is_sine].mean())
        row = (x[1] / (scale or 1.0)).clamp(-1, 1)
        omega = torch.where(is_sine, row.asin(), row.acos())
        told = (share > 0) & (omega > 1e-3) & (is_sine | ~is_sine.any())
        slope = -float((share * omega.log())[told].sum() / (share[told] ** 2).sum())
        if not 0 < slope < 60:
            continue
        estimated = math.exp(slope)
        for base, _ in naming.nice(estimated, estimated * 0.75, estimated * 1.25, (1e4, 1e8)):
            angle = torch.arange(n, dtype=torch.float64)[:, None] * base**-share
            left = (x - scale * torch.where(is_sine, angle.sin(), angle.cos())).abs()
            drift = estimate.SINGLE * angle * (3 + 3 * math.log(base) * share) * abs(scale)
            if (left <= (form.relative + 4 * estimate.SINGLE) * x.abs() + form.absolute + drift).all():
                if is_sine.any() == is_sine.all():
                    return "Sines or cosines alone", base, scale
                if base == 1e8:  # of which 10,000 is the root
                    return "The exponent counts columns instead of pairs", 1e4, scale
                return "A frequency for each column", base, scale
    return None


def grid(x: Tensor) -> list[int]:
    """Return how many rows each axis of a grid has, that of the slowest first; for a sequence only the one number.

    A column of the slow axis changes only every W rows; one of the fast axis is the same again after W rows.
    """
    n, close = len(x), _close(x)
    changes = x.diff(dim=0).abs() > close
    for width in (w for w in range(2, n // 2 + 1) if n % w == 0):
        stays = ~changes[torch.arange(1, n) % width != 0].any(0)
        again = ((x[width:] - x[:-width]).abs() <= close).all(0)
        if (stays & changes.any(0)).any() and not stays.all() and (stays | again).all():
            return [*grid(x[::width][:, stays]), width]
    return [n]


def blocks(x: Tensor, sizes: list[int]) -> tuple[tuple[int, ...], Tensor]:
    """Return the axis of each block of neighbouring columns, and of each column, in a grid of these sizes.

    Cosines of slow pairs may be the same everywhere; they belong to the block before them.
    """
    cells = x.view(*sizes, x.shape[1])
    axis_of = torch.zeros(x.shape[1], dtype=torch.long)
    for axis in range(len(sizes)):
        axis_of[(cells.diff(dim=axis).abs() > _close(x)).flatten(0, -2).any(0)] = axis + 1
    known = torch.where(axis_of > 0, torch.arange(x.shape[1]), 0).cummax(0).values
    axis_of = axis_of[known] - 1
    return tuple(axis for axis, _ in itertools.groupby(axis_of.tolist())), axis_of


def _close(x: Tensor) -> float:
    return 4 * estimate.SINGLE * float(x.abs().max())
