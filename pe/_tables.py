"""Tables of neighbouring positions, as products of rotations. What comes here has been checked."""

import math
from array import array
from collections.abc import Iterator
from decimal import Context, Decimal
from functools import lru_cache
from itertools import chain, pairwise, repeat

import torch
from torch import Tensor

from pe import _core as core
from pe._core import Layout
from pe._devices import float64_device
from pe._operations import define
from pe._threads import apart

# Entries of the first rows of a table, which are stored.
STORED_ENTRIES = 2**14
# On a device, the rows that are kept, and the groups of so many rows whose rotations are.
DEVICE_ROWS = 2**8


def table(
    seq_len: int, d_model: int, base: float, offset: int, layout: Layout, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return a new table of the positions from `offset` on."""
    if core.is_exporting():  # to where our operation is not known
        return core.encode(_count(offset, seq_len, device), d_model, base, layout, dtype).to(device)
    made: Tensor = torch.ops.pe.table(seq_len, d_model, base, offset, layout, dtype, device)
    return made


def _empty(
    seq_len: int, d_model: int, base: float, offset: int, layout: str, dtype: torch.dtype, device: torch.device
) -> Tensor:
    return torch.empty(seq_len, d_model, dtype=dtype, device=device)


def _new(
    seq_len: int, d_model: int, base: float, offset: int, layout: Layout, dtype: torch.dtype, device: torch.device
) -> Tensor:
    made = _empty(seq_len, d_model, base, offset, layout, dtype, device)
    write_table(made, offset, base, layout)
    return made


# Selective checkpoints count operations, and expect the same ones when the layer runs again, with its rows kept.
define(
    "table",
    "SymInt seq_len, SymInt d_model, float base, SymInt offset, str layout, ScalarType dtype, Device device",
    _new,
    _empty,
)


def write_table(out: Tensor, offset: int, base: float, layout: Layout) -> None:
    """Write the rows of the positions from `offset` on into `out`."""
    seq_len, d_model = out.shape
    device = float64_device(out.device)
    if core.in_graph() or not core.is_ordinary(out) or device != out.device:
        out.copy_(table(seq_len, d_model, base, offset, layout, out.dtype, device))
    elif core.is_capturing(device):
        # All of it is captured. What is kept may be gone when the graph is replayed.
        out.copy_(core.encode(_count(offset, seq_len, device), d_model, base, layout, out.dtype))
    elif out.numel() and out.device.type != "cpu":
        _write_on_device(out, offset, base, layout)
    elif out.numel():

        def write(first: int, stop: int) -> None:
            _write_products(out[first:stop], offset + first, base, layout)

        core.by_rows(write, seq_len, d_model, out)


def _count(offset: int, seq_len: int, device: torch.device) -> Tensor:
    """Return the positions from `offset` on in float64."""
    # Integers first: with floats torch 2.4 cannot tell how many there are.
    return torch.arange(offset, offset + seq_len, device=float64_device(device)).to(torch.float64)


def _write_products(table: Tensor, first: int, base: float, layout: Layout) -> None:
    """Write the rows of the positions from `first` on as products of rotations, which need few sines.

    A pair of columns is one complex number, z(p) = sin pω + i cos pω = i e^(−ipω), and going on by k positions is a
    rotation: z(p + k) = e^(−ikω) z(p). A position is split as a number is into digits, p = block + group + row, where
    `row` counts within a group, whose rows are stored; `group` is a multiple of the rows in a group, and `block` one of
    the rows in a block. So z(p) = e^(−i block ω) · e^(−i group ω) · z(row). The parts of a position do not depend on
    the table that it stands in, and so neither do the bits of its row.
    """
    last, d_model = first + len(table), table.shape[1]
    *omega, first_rows = _constants(d_model, base)
    stored = torch.asarray(first_rows, dtype=torch.float64, device=table.device).view(-1, 2 * len(omega[0]))
    group_rows = len(stored)
    if first >= 0 and last <= group_rows:
        _write(table, stored[first:last], layout)
        return
    coarse, fine = (torch.asarray(part, dtype=torch.float64, device=table.device) for part in omega)
    block_rows = max(group_rows, _power_of_two(core.rows_at_once(d_model, table.device)))
    blocks = range(first // block_rows * block_rows, last, block_rows)
    # Which rows of a block to compute: for a table within one block its own, else all. They begin with a whole group.
    low, high = (first - blocks[0], last - blocks[0]) if len(blocks) == 1 else (0, block_rows)
    low = low // group_rows * group_rows
    by_group = _rotations(range(low, high, group_rows), coarse + fine)
    first_block = (by_group[:, None] * torch.view_as_complex(stored.view(group_rows, -1, 2))).flatten(0, 1)
    if not any(blocks):  # no block but that of position 0, which needs no rotation
        _write(table, torch.view_as_real(first_block).flatten(1)[first - low : last - low], layout)
        return
    rotated = torch.empty_like(first_block)
    rows = torch.view_as_real(rotated).flatten(1)
    for block, rotation in zip(blocks, _rotations_by_block(blocks, coarse, fine), strict=True):
        torch.mul(first_block, rotation, out=rotated)
        start, stop = max(first, block + low), min(last, block + block_rows)
        _write(table[start - first : stop - first], rows[start - block - low : stop - block - low], layout)


def _rotations_by_block(blocks: range, coarse: Tensor, fine: Tensor) -> Iterator[Tensor]:
    """Yield the rotation by each position in `blocks`, computed a few at a time to save memory.

    Far from zero the frequency has two parts: the angle by the coarse one is exact, and that by the fine one small.
    """
    for few in (blocks[i : i + 32] for i in range(0, len(blocks), 32)):
        yield from _rotations(few, coarse) * _rotations(few, fine)


def _rotations(positions: range, omega: Tensor) -> Tensor:
    """Return the rotation e^(−ipω) by each of the positions, a row for each."""
    p = torch.arange(positions.start, positions.stop, positions.step, dtype=torch.float64, device=omega.device)
    angles = torch.outer(p, omega)
    return torch.complex(angles.cos(), -angles.sin())


def _write_on_device(table: Tensor, first: int, base: float, layout: Layout) -> None:
    """Write the same rows where every operation takes a while to start: mostly by one operation.

    Here the steps of a position, p = block + group + row, are 2^16, 2^8 and 1, whatever the width, and the rows from 0
    on and the rotations by each group are kept on the device.
    """
    last, d_model = first + len(table), table.shape[1]
    stored, by_group, coarse, fine = _kept_on(table.device, d_model, base)
    group_rows, block_rows = len(stored), len(stored) * len(by_group)
    groups_at_once = max(1, core.DEVICE_ENTRIES // (group_rows * d_model))
    # Numbers of the right order and format are written as they are computed; others need a copy.
    as_computed = layout == "interleaved" and d_model % 2 == 0 and table.dtype.itemsize > 2
    as_computed = as_computed and table.is_contiguous() and table.storage_offset() % 2 == 0
    pairs = torch.view_as_complex(table.view(len(table), -1, 2)) if as_computed else None
    blocks = range(first // block_rows * block_rows, last, block_rows)
    by_block = _rotations_by_block(blocks, coarse, fine) if any(blocks) else repeat(None)
    for block, rotation in zip(blocks, by_block, strict=False):
        rotations = by_group if rotation is None else by_group * rotation
        start, stop = max(first, block), min(last, block + block_rows)
        # A part is of whole groups, or lies within one.
        whole = range(-(-start // group_rows) * group_rows, stop // group_rows * group_rows + 1, group_rows)
        for low, high in pairwise(sorted({start, *whole[::groups_at_once], *whole[-1:], stop})):
            part, rows = slice(low - first, high - first), stored[low % group_rows :][: high - low]
            groups = rotations[(low - block) // group_rows : -((block - high) // group_rows), None]
            if pairs is not None:
                torch.mul(groups, rows, out=pairs[part].view(len(groups), len(rows), -1))
            else:
                _write(table[part], torch.view_as_real(groups * rows).flatten(2).flatten(0, 1), layout)


@lru_cache(maxsize=8)
def _kept_on(device: torch.device, d_model: int, base: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the first rows, the rotations by each group of as many, and the two parts of the frequencies.

    They are made apart from modes and transforms of torch, which they would stay part of.
    """

    def make() -> tuple[Tensor, Tensor, Tensor, Tensor]:
        coarse, fine, _ = (torch.asarray(part, dtype=torch.float64) for part in _constants(d_model, base))
        stored, by_group = (
            _rotations(positions, coarse) * _rotations(positions, fine)
            for positions in (range(DEVICE_ROWS), range(0, DEVICE_ROWS**2, DEVICE_ROWS))
        )
        return (1j * stored).to(device), by_group.to(device), coarse.to(device), fine.to(device)

    return apart(make)


def _write(table: Tensor, rows: Tensor, layout: Layout) -> None:
    """Write float64 rows, interleaved and with a cosine for every sine, into a table of any layout and width."""
    d_model, rows = table.shape[1], core.rounded(rows, table.dtype)
    if layout == "interleaved":
        table.copy_(rows[:, :d_model] if d_model % 2 else rows)
    else:
        sines, cosines = core.columns(d_model, layout)
        table[:, sines] = rows[:, 0::2]
        table[:, cosines] = rows[:, 1:d_model:2]


@lru_cache(maxsize=16)
def _constants(d_model: int, base: float) -> "tuple[array[float], array[float], array[float]]":
    """Return the frequencies as a coarse and a fine part, and the stored rows, interleaved, from position 0 on.

    The coarse part has 21 bits, so that its product with a position is exact in float64. Together they have 74 bits: at
    position 10^9 the rounding of a frequency to float64 would already show in float32.

    They are no tensors, as one made within a mode or a transform of torch is of no use outside.
    """
    context, pairs = Context(prec=50), (d_model + 1) // 2
    ratio = context.power(Decimal(base), context.divide(Decimal(-2), Decimal(d_model)))
    coarse, fine, stored = array("d"), array("d"), array("d")
    omega = Decimal(1)
    for _ in range(pairs):
        mantissa, exponent = math.frexp(omega)
        coarse.append(math.ldexp(round(mantissa * 2**21), exponent - 21))
        fine.append(float(context.subtract(omega, Decimal(coarse[-1]))))
        omega = context.multiply(omega, ratio)
    omegas = [a + b for a, b in zip(coarse, fine, strict=True)]
    for position in range(_power_of_two(STORED_ENTRIES // d_model)):
        angles = [position * omega for omega in omegas]
        stored.extend(chain.from_iterable(zip(map(math.sin, angles), map(math.cos, angles), strict=True)))
    return coarse, fine, stored


def _power_of_two(limit: int) -> int:
    """Return the largest power of two up to `limit`, at least 1."""
    return 1 << max(limit, 1).bit_length() - 1
