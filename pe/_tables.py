"""Tables of neighbouring positions, as products of rotations. What comes here has been checked."""

import math
from decimal import Context, Decimal
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor

from pe import _core as core
from pe._core import Layout
from pe._devices import float64_device
from pe._threads import apart

# Rows in a group at most, and groups in a block.
ROWS = GROUPS = 2**8


def table(
    seq_len: int, d_model: int, base: float, offset: int, layout: Layout, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return a new table of the positions from `offset` on."""
    if core.is_exporting():  # to where our operation is not known
        return core.encode(_count(offset, seq_len, device), d_model, base, layout, dtype).to(device)
    if core.is_compiling():
        (d_model, base), where = core.constants(d_model, base), float64_device(device)
        if offset >= 0 and offset + seq_len <= _rows_in_group(d_model, where) * GROUPS:  # as far as two factors reach
            return _product(seq_len, d_model, base, offset, layout, dtype, where).to(device)
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


# An operation: modes and compilers of torch see nothing inside it. Selective checkpoints count operations, and expect
# the same ones when the layer runs again, with its rows kept.
if not hasattr(torch.ops.pe, "table"):  # a module may be reloaded, but an operation is defined only once
    torch.library.define(
        "pe::table",
        "(SymInt seq_len, SymInt d_model, float base, SymInt offset, str layout, ScalarType dtype, Device device)"
        " -> Tensor",
    )
    torch.library.impl("pe::table", "CompositeExplicitAutograd", _new)
    torch.library.register_fake("pe::table", _empty)


def write_table(out: Tensor, offset: int, base: float, layout: Layout) -> None:
    """Write the rows of the positions from `offset` on into `out`."""
    seq_len, d_model = out.shape
    device = float64_device(out.device)
    if core.in_graph() or not core.is_ordinary(out) or device != out.device:
        out.copy_(table(seq_len, d_model, base, offset, layout, out.dtype, device))
    elif core.is_capturing(device):
        # All of it is captured. What is kept may be gone when the graph is replayed.
        out.copy_(core.encode(_count(offset, seq_len, device), d_model, base, layout, out.dtype))
    elif out.numel():

        def write(first: int, stop: int) -> None:
            _write_rows(out[first:stop], offset + first, base, layout)

        core.by_rows(write, seq_len, d_model, out)


def _count(offset: int, seq_len: int, device: torch.device) -> Tensor:
    """Return the positions from `offset` on in float64."""
    # Integers first: with floats torch 2.4 cannot tell how many there are.
    return torch.arange(offset, offset + seq_len, device=float64_device(device)).to(torch.float64)


def _write_rows(table: Tensor, first: int, base: float, layout: Layout) -> None:
    """Write the rows of the positions from `first` on as products of rotations, of which most are kept.

    A pair of columns is one complex number, z(p) = sin pω + i cos pω = i e^(−ipω), and going on by k positions is a
    rotation: z(p + k) = e^(−ikω) z(p). A position is split as a number is into digits, p = block + group + row, mostly
    in steps of 2^16, 2^8 and 1: z(p) = e^(−i block ω) · e^(−i group ω) · z(row). The parts of a position do not depend
    on the table that it stands in, and so neither do the bits of its row.
    """
    (seq_len, d_model), device = table.shape, table.device
    first_rows, by_row, by_group, coarse, fine = _kept_on(device, d_model, base)
    in_group, pairs = by_row.shape
    in_block, last = in_group * GROUPS, first + seq_len
    if first >= 0 and last <= in_group:
        kept, changes = first_rows[first:last], device.type != "cpu" and table.dtype.itemsize == 2  # as it is rounded
        _write(table, kept.clone() if changes else kept, layout)
        return
    # Numbers of the right order and format are written as they are computed where that takes no copy; others need one.
    as_computed = layout == "interleaved" and d_model == 2 * pairs and table.dtype.itemsize > 2
    as_computed = as_computed and device.type != "cpu" and table.is_contiguous() and table.storage_offset() % 2 == 0
    if as_computed:
        at_once, numbers = in_block, torch.view_as_complex(table.view(seq_len, pairs, 2))
    else:
        # Other devices than a CPU round to float32 as they multiply.
        small = device.type != "cpu" and table.dtype == torch.float32
        at_once = core.rows_at_once(pairs if small or device.type == "cpu" else 2 * pairs, device)
        at_once = min(max(in_group, _power_of_two(at_once)), in_block)
        dtype = torch.complex64 if small else torch.complex128
        numbers = by_row.new_empty(min(at_once, seq_len), pairs, dtype=dtype)
    block, in_this_block = 0, by_group
    for part in range(first // at_once * at_once, last, at_once):
        low, high = max(first, part), min(last, part + at_once)
        if low // in_block * in_block != block:
            block = low // in_block * in_block
            in_this_block = by_group * _rotations(range(block, block + 1), coarse, fine)
        computed = numbers[low - first : high - first] if as_computed else numbers[: high - low]
        # Whole groups at once, and what is left of one before and after them.
        whole = min(-(-low // in_group) * in_group, high), max(low, high // in_group * in_group)
        for start, stop in pairwise(sorted({low, *whole, high})):
            group, row, rows = (start - block) // in_group, start % in_group, min(stop - start, in_group)
            groups = in_this_block[group : group + (stop - start) // rows, None]
            product = computed[start - low : stop - low].view(-1, rows, pairs)
            torch.mul(groups, by_row[row : row + rows], out=product)
        if not as_computed:
            _write(table[low - first : high - first], torch.view_as_real(computed).flatten(1), layout)


def _rotations(positions: range, coarse: Tensor, fine: Tensor) -> Tensor:
    """Return the rotation e^(−ipω) by each of the positions, a row for each.

    The angle by the coarse part of a frequency is exact, and that by the fine one small.
    """
    p = torch.arange(positions.start, positions.stop, positions.step, dtype=torch.float64, device=coarse.device)
    by_coarse, by_fine = (torch.outer(p, omega) for omega in (coarse, fine))
    return torch.complex(by_coarse.cos(), -by_coarse.sin()) * torch.complex(by_fine.cos(), -by_fine.sin())


def _product(
    seq_len: int, d_model: int, base: float, offset: int, layout: Layout, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return a table as part of a graph that is compiled, where torch makes one loop of all this.

    By the addition theorems, a row is cos(group ω) · row + sin(group ω) · its derivative.
    """
    cosines, sines, rows, derivatives = _factors(d_model, base, layout, device)
    positions = torch.arange(seq_len, device=device) + offset
    group, row = positions // len(rows), positions % len(rows)
    product = cosines[group] * rows[row] + sines[group] * derivatives[row]
    return core.rounded(product, dtype).to(dtype)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _factors(d_model: int, base: float, layout: Layout, device: torch.device) -> tuple[Tensor, ...]:
    """Return cosine and sine of the angles of each group, and the rows of a group and their derivatives."""
    return _kept_factors(d_model, base, layout, device)


@lru_cache(maxsize=16)
def _kept_factors(d_model: int, base: float, layout: Layout, device: torch.device) -> tuple[Tensor, ...]:
    _, by_row, by_group, *_ = _kept_on(device, d_model, base)

    def in_columns(z: Tensor) -> Tensor:
        made = z.real.new_empty(len(z), d_model)
        _write(made, torch.view_as_real(z).flatten(1), layout)
        return made

    def make() -> tuple[Tensor, ...]:
        cosines, sines = by_group.real, -by_group.imag
        turned = torch.complex(cosines, cosines), torch.complex(sines, sines)
        return tuple(map(in_columns, (*turned, by_row, -1j * by_row)))

    return apart(make)[0]


@lru_cache(maxsize=16)
def _kept_on(device: torch.device, d_model: int, base: float) -> tuple[Tensor, ...]:
    """Return what all tables of a width share.

    That is the rows of a group from position 0 on, as numbers of a table and as complex ones, the rotations by each
    group, and the frequencies in two parts. They are made apart from modes and transforms of torch, which they would
    stay part of.
    """

    def make() -> tuple[Tensor, ...]:
        # A single pair is there twice: torch would go through columns of one number in another way, with other bits.
        parts = (part * 2 if d_model < 3 else part for part in _frequencies(d_model, base))
        coarse, fine = (torch.tensor(part, dtype=torch.float64, device="cpu") for part in parts)

        def rotations(step: int, count: int, of: complex = 1.0) -> Tensor:
            few = min(16, count)  # a digit more, so that few sines are needed
            by_few = _rotations(range(0, step * count, step * few), coarse, fine)
            by_one = of * _rotations(range(0, step * few, step), coarse, fine)
            return (by_few[:, None] * by_one).flatten(0, 1)

        in_group = _rows_in_group(d_model, device)
        by_row, by_group = rotations(1, in_group, 1j).to(device), rotations(in_group, GROUPS).to(device)
        return torch.view_as_real(by_row).flatten(1), by_row, by_group, coarse.to(device), fine.to(device)

    return apart(make)[0]


def _frequencies(d_model: int, base: float) -> tuple[list[float], list[float]]:
    """Return the frequencies as a coarse and a fine part.

    The coarse part has 21 bits, so that its product with a position is exact in float64. Together they have 74 bits: at
    position 10^9 the rounding of a frequency to float64 would already show in float32.
    """
    context = Context(prec=50)
    ratio = context.power(Decimal(base), context.divide(Decimal(-2), Decimal(d_model)))
    coarse, fine, omega = [], [], Decimal(1)
    for _ in range(0, d_model, 2):
        mantissa, exponent = math.frexp(omega)
        coarse.append(math.ldexp(round(mantissa * 2**21), exponent - 21))
        fine.append(float(context.subtract(omega, Decimal(coarse[-1]))))
        omega = context.multiply(omega, ratio)
    return coarse, fine


def _write(table: Tensor, rows: Tensor, layout: Layout) -> None:
    """Write rows, interleaved and with a cosine for every sine, into a table of any layout and width.

    They are in float64, or in the dtype of the table. Afterwards `rows` may hold other numbers.
    """
    d_model, rows = table.shape[1], core.rounded_in_place(rows, table.dtype)
    if layout == "interleaved":
        table.copy_(rows if d_model == rows.shape[1] else rows[:, :d_model])
    else:
        sines, cosines = core.columns(d_model, layout)
        table[:, sines] = rows[:, 0:d_model:2]
        table[:, cosines] = rows[:, 1:d_model:2]


def _rows_in_group(d_model: int, device: torch.device) -> int:
    """Return how many rows a group has: a power of two, smaller for very wide tables."""
    return min(ROWS, _power_of_two(core.rows_at_once(max(2, (d_model + 1) // 2), device)))


def _power_of_two(limit: int) -> int:
    """Return the largest power of two up to `limit`, which is at least 1."""
    return 1 << limit.bit_length() - 1
