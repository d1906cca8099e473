"""The laws turned round: what made a table."""

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pe import _checks as check
from pe import _core as core
from pe._devices import in_float64
from pe.doctor import calls, columns, estimate, report, search
from pe.doctor.faults import Fault
from pe.doctor.naming import Found


@dataclass(frozen=True)
class Identification:
    """What a table is. Printed, it is an answer in words.

    Explained in [Conventions](../conventions.md#which-convention-is-this).

    Attributes:
        sinusoidal: Whether it is a sinusoidal position encoding; None if it is too small to tell.
        shape: Rows and columns.
        layout: Order of the columns, as `pe` takes it; or `"interleaved, cosines first"`, which `pe` does not make.
        base: As `pe` takes it: 10,000 of tensor2tensor at width 512 is 10,367.79.
        base_range: The lowest and the highest base that fit as well, all else the same.
        spacing: Whose spacing of frequencies makes the base a rounder number, `"paper"` or `"tensor2tensor"`.
        offset: Position of the first row that is not blank.
        step: Positions from one row to the next; None if they are not evenly spaced.
        scale: Amplitude of sines and cosines.
        shift: What was added to all entries.
        axes: For a grid, what its axes are, that of the slowest rows first.
        order: For a grid, the axis of each block of columns.
        faults: Headings of the page [Bugs](../bugs.md), where each is explained.
        error: Largest difference from what `call` makes.
        call: A call of `pe` that makes the table; that was meant, if the faults are none that `pe` makes.
        alternatives: Calls that make what this size and format cannot tell from it.
        frequencies: Of sinusoids that are no position encoding, in radians per row.
        why: What was seen, in a sentence.
    """

    sinusoidal: bool | None
    shape: tuple[int, int]
    why: str = ""
    layout: str | None = None
    base: float | None = None
    base_range: tuple[float, float] | None = None
    spacing: str | None = None
    offset: float | None = None
    step: float | None = None
    scale: float | None = None
    shift: float = 0.0
    axes: tuple["Identification", ...] = ()
    order: tuple[int, ...] = ()
    faults: tuple[Fault, ...] = ()
    error: float | None = None
    call: str = ""
    alternatives: tuple[str, ...] = ()
    frequencies: tuple[float, ...] = ()

    def __str__(self) -> str:
        return report.report(self)


def identify(table: Any) -> Identification:
    """Return what made a table: layout, base, spacing, first position, step, scale, and known faults.

    Nothing is looked up in a list of tables: radius, frequencies and positions are estimated, and then named by the
    roundest numbers that fit every entry. What does not fit is called by no name.

    Explained in [Conventions](../conventions.md#which-convention-is-this).

    Args:
        table: One row for each position: a tensor, an array or nested lists of real numbers. Axes of length 1 are
            left out.

    Returns:
        What it is; print it, or read its attributes. It is undecided, `sinusoidal=None`, about tables that are
        too small, or hold entries that are not finite.

    Raises:
        TypeError: If `table` holds no real numbers.
        ValueError: If it is empty, has not two axes, or holds no values, as on the meta device.

    Examples:
        >>> import pe, torch
        >>> found = pe.identify(pe.generate_position_encoding(100, 64, layout="sin_cos", offset=2))
        >>> found.layout, found.base, found.offset
        ('sin_cos', 10000.0, 2.0)
        >>> found.call
        "pe.generate_position_encoding(100, 64, offset=2, layout='sin_cos')"
        >>> pe.identify(torch.eye(64)).sinusoidal
        False

    Source: follows from the formula of Vaswani et al. (2017), section 3.5.
    """
    x = _values(table)
    if not x.isfinite().all():
        count = int((~x.isfinite()).sum())
        why = f"{count:,} of {x.numel():,} entries are not finite."
        return Identification(None, _shape(x), why, faults=("NaN at width 2",) if x.shape[1] == 2 else ())
    real = x.abs().amax(1) > 0
    if not real.any():
        why = "All entries are zero: nobody has filled it, or somebody has overwritten it."
        return Identification(False, _shape(x), why, faults=("The table is initialised away",))
    if found := _integers(x):
        return calls.measured(found, x)
    rows = real.nonzero().flatten()
    lone = x.shape[1] > 1 and x.shape[1] % 2 == 1 and not x[:, -1].any()  # of libraries, at an odd width
    filled = x[real, : x.shape[1] - lone]
    found = _grid(filled) if int(rows[-1] - rows[0]) == len(rows) - 1 else None
    found = found or _sequence(filled, rows.double()) or _faulty(x)
    if not found:
        why = "No pairs of its columns are sine and cosine of one angle."
        found = Identification(False, _shape(filled), why)
        if filled.shape[0] < 3 or filled.shape[1] < 4:
            found = Identification(None, _shape(filled), "It is too small to tell.")
    return calls.measured(calls.completed(found, len(x), rows.tolist(), lone), x)


def _shape(x: Tensor) -> tuple[int, int]:
    return x.shape[0], x.shape[1]


def _values(table: Any) -> Tensor:
    """Return the table in float64, on the CPU."""
    if not isinstance(table, Tensor):
        try:
            table = torch.as_tensor(table, dtype=torch.float64 if isinstance(table, (list, tuple)) else None)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(f"table must hold real numbers, got {type(table).__name__}: {error}") from None
    table = check.real_tensor("table", table).detach()
    if table.is_meta:
        raise ValueError("table must hold values, got a tensor on the meta device")
    if table.ndim > 2:
        kept = [size for size in table.shape if size != 1]
        table = table.reshape(kept) if len(kept) == 2 else table
    if table.ndim != 2 or not table.numel():
        raise ValueError(f"table must have the shape (rows, columns), neither of them 0; got {tuple(table.shape)}")
    return in_float64(table).cpu()


def _sequence(x: Tensor, rows: Tensor) -> Identification | None:
    """Return what a table is whose rows are one position each, or None if it is no sines and cosines."""
    seen = list(estimate.pairings(x, rows, estimate.number_format(x)))
    found = search.search(seen)
    return _named(found) if found else _other(seen, x)


def _named(found: Found) -> Identification:
    law, pairs = found.law, found.pairs
    shape = len(pairs.rows), pairs.width
    positions = law.positions(pairs.rows) if found.positions is None else found.positions
    faults: list[Fault] = [*found.faults]
    if pairs.layout not in check.LAYOUTS:
        faults.append("Sines and cosines exchanged")
    if law.named == 1e-4:
        faults.append("A lost minus")
    if law.named == 1e8:
        faults.append("The exponent counts columns instead of pairs")
    if law.base == 1 or abs(math.log(law.base) / pairs.width - 1) < 1e-6:
        faults.append("An integer division in the exponent")
    others = [calls.call(rival) for rival in found.rivals]
    return Identification(
        sinusoidal=True if found.sure else None,
        shape=shape,
        why=report.reason(found),
        layout=pairs.layout,
        base=law.base,
        base_range=search.base_range(found),
        spacing=law.spacing,
        offset=float(positions[0]),
        step=law.step if found.positions is None or found.written else None,
        scale=found.fit.scale,
        shift=found.fit.shift,
        faults=tuple(dict.fromkeys(faults)),
        call=calls.call(found),
        alternatives=tuple(dict.fromkeys(other for other in others if other != calls.call(found))),
    )


def _other(seen: list[estimate.Pairs], x: Tensor) -> Identification | None:
    """Return what is said of columns that are on circles, but by no law of this encoding."""
    for pairs in seen:
        turns = search.other_speeds(pairs)
        small = pairs.hands.shape[1] < estimate.FEWEST_CLOCKS
        if turns is not None and search.nearly_lawful(pairs):
            why = "Its columns are sinusoids of frequencies near a law of this encoding, but none fits to the digit."
            return Identification(None, _shape(x), why)
        if turns is not None and not small:
            why = "Its columns are sinusoids of other frequencies."
            return Identification(False, _shape(x), why, frequencies=tuple(turns.tolist()))
        if not pairs.noise:
            why = "Its columns are pairs of a sine and a cosine, but their angles follow no law that shows."
            return Identification(None, _shape(x), why)
    return None


def _faulty(x: Tensor) -> Identification | None:
    """Return what a table is whose columns were mixed up."""
    mixed = columns.mixed_up(x, estimate.number_format(x))
    if mixed is None:
        return None
    fault, base, scale = mixed
    alone = fault == "Sines or cosines alone"
    why = "Its columns are sinusoids of the right frequencies, but each of its own angle."
    if alone:
        why = "Half of the encoding is missing; the caches of rotary encodings are such tables."
    return Identification(
        not alone, _shape(x), why, base=base, base_range=(base, base), offset=0.0, step=1.0, scale=scale,
        faults=(fault,), call=calls.written(len(x), x.shape[1], base, scale=scale),
    )  # fmt: skip


def _integers(x: Tensor) -> Identification | None:
    """Return what a table is whose entries were cast to integers."""
    n, width = x.shape
    if n < 8 or width < 8 or not bool((x == x.round()).all()) or float(x.abs().max()) != 1:
        return None
    for layout in check.LAYOUTS:
        exact = core.encode(torch.arange(n, dtype=torch.float64), width, 1e4, layout, torch.float64)
        if any((cast == x).double().mean() > 1 - estimate.OUTLIERS / 4 for cast in (exact.round(), exact.trunc())):
            return Identification(
                True if (x < 0).any() else None, (n, width), "It is what casting to integers leaves of the encoding.",
                layout, 1e4, (1e4, 1e4), "paper", 0.0, 1.0, 1.0,
                faults=("Entries cast to integers",), call=calls.written(n, width, 1e4, layout),
            )  # fmt: skip
    return None


def _grid(x: Tensor) -> Identification | None:
    """Return what a table is whose rows are the places of a grid, or None if it is no grid."""
    sizes = columns.grid(x)
    blocks, axis_of = columns.blocks(x, sizes)
    axes = blocks[: len(sizes)]
    if len(sizes) == 1 or sorted(axes) != [*range(len(sizes))] or blocks not in {axes, axes * 2}:
        return None
    parts = []
    for axis, size in enumerate(sizes):
        cells = x.view(*sizes, x.shape[1]).movedim(axis, 0).flatten(1, -2)[:, 0]
        part = _sequence(cells[:, axis_of == axis], torch.arange(size, dtype=torch.float64))
        if part is None or part.sinusoidal is False or not part.call:
            return None
        parts.append(part)
    if len({part.layout for part in parts}) > 1:
        return None
    return replace(
        parts[0],
        sinusoidal=None if any(part.sinusoidal is None for part in parts) else True,
        shape=_shape(x),
        axes=tuple(parts),
        order=blocks,
        faults=tuple(dict.fromkeys(fault for part in parts for fault in part.faults)),
        call=calls.grid_call(parts, blocks, x.shape[1]),
        alternatives=(),
    )
