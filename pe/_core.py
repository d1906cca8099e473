"""The numbers that all of `pe` computes with. What comes here has been checked; nothing is checked again."""

import math
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Context, Decimal
from functools import lru_cache
from itertools import chain, pairwise, repeat
from typing import Literal

import torch
from torch import Tensor

from pe._devices import float64_device
from pe._threads import divide

Layout = Literal["interleaved", "sin_cos", "cos_sin"]
"""The orders of columns: sine, cosine, sine, … as in the paper; all sines, then all cosines; or cosines first.

It is the type of `layout=`, for programs that pass one on. Explained in [Conventions](../conventions.md).
"""

# Entries computed at once: on a CPU as many as fit into its cache, elsewhere enough to keep the device busy.
CPU_ENTRIES, DEVICE_ENTRIES = 2**18, 2**23
# Entries from which on rows are divided between threads, which take a few milliseconds to start.
DIVIDED_ENTRIES = 2**24
# Entries of the first rows of a table, which are stored.
STORED_ENTRIES = 2**14


def frequencies(d_model: int, base: float, device: torch.device) -> Tensor:
    """Return base^(−2i/d_model) for each pair i of columns, in float64; on the CPU if `device` has none."""
    two_i = torch.arange(0, d_model, 2, dtype=torch.float64, device=float64_device(device))
    return base ** (-two_i / d_model)


def encode(positions: Tensor, d_model: int, base: float, layout: Layout, dtype: torch.dtype) -> Tensor:
    """Return the encoding of any real positions, given in float64: a sine or cosine for each entry."""
    omega = frequencies(d_model, base, positions.device)
    if not is_plain(positions) or (positions.requires_grad and torch.is_grad_enabled()):
        # In one piece: a graph is for any length, and for a gradient every part would copy the whole.
        angles = positions[..., None] * omega
        sines, cosines = (_cast(values, dtype) for values in (angles.sin(), angles.cos()))
        if layout == "interleaved":
            return torch.stack([sines, cosines], -1).flatten(-2)[..., :d_model]
        halves = [sines, cosines[..., : d_model // 2]]
        return torch.cat(halves if layout == "sin_cos" else halves[::-1], -1)
    table = positions.new_empty((*positions.shape, d_model), dtype=dtype)
    p, out = positions.reshape(-1, 1), table.view(-1, d_model)
    sine_columns, cosine_columns = columns(d_model, layout)

    def write(first: int, stop: int) -> None:
        rows = rows_at_once(d_model, table.device)
        for part in (slice(i, min(i + rows, stop)) for i in range(first, stop, rows)):
            angles = p[part] * omega
            out[part, sine_columns] = rounded(angles.sin(), dtype)
            out[part, cosine_columns] = rounded(angles[:, : d_model // 2].cos(), dtype)

    by_rows(write, len(p), d_model, table)
    return table


def table(
    seq_len: int, d_model: int, base: float, offset: int, layout: Layout, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return a new table of the positions from `offset` on."""
    if in_graph():
        return encode(_count(offset, seq_len, device), d_model, base, layout, dtype).to(device)
    made = torch.empty(seq_len, d_model, dtype=dtype, device=device)
    write_table(made, offset, base, layout)
    return made


# The layer makes its rows by an operation of our own, so that torch's modes see one operation and nothing inside it.
# Selective checkpoints go wrong otherwise: they count operations, and expect the same ones when the layer runs again.
if not hasattr(torch.ops.pe, "table"):  # this module may be reloaded, but an operation is defined only once
    torch.library.define(
        "pe::table",
        "(int seq_len, int d_model, float base, int offset, str layout, ScalarType dtype, Device device) -> Tensor",
    )
    torch.library.impl("pe::table", "CompositeExplicitAutograd", table)


def write_table(out: Tensor, offset: int, base: float, layout: Layout) -> None:
    """Write the rows of the positions from `offset` on into `out`."""
    seq_len, d_model = out.shape
    if in_graph() or type(out) is not Tensor or float64_device(out.device) != out.device:
        out.copy_(encode(_count(offset, seq_len, out.device), d_model, base, layout, out.dtype))
    elif out.numel() and out.device.type != "cpu":
        _write_on_device(out, offset, base, layout)
    elif out.numel():

        def write(first: int, stop: int) -> None:
            _write_products(out[first:stop], offset + first, base, layout)

        by_rows(write, seq_len, d_model, out)


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
    block_rows = max(group_rows, _power_of_two(rows_at_once(d_model, table.device)))
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
    """Write the same rows where every operation takes a while to start: mostly in one operation.

    Here a position is p = block + group + row in steps of 2^16, 2^8 and 1, whatever the width, and the rows from 0 on
    and the rotations by groups are kept on the device.
    """
    last, d_model = first + len(table), table.shape[1]
    stored, by_group, *omega = _kept_on(table.device, d_model, base)
    whole = layout == "interleaved" and d_model % 2 == 0 and table.dtype.itemsize > 2 and table.is_contiguous()
    pairs = torch.view_as_complex(table.view(len(table), -1, 2)) if whole else None
    group_rows, block_rows = len(stored), len(stored) * len(by_group)
    at_once = max(1, DEVICE_ENTRIES // (group_rows * d_model))
    blocks = range(first // block_rows * block_rows, last, block_rows)
    rotations = _rotations_by_block(blocks, *omega) if any(blocks) else repeat(None)
    for block, rotation in zip(blocks, rotations, strict=False):
        groups = by_group if rotation is None else by_group * rotation
        start, stop = max(first, block), min(last, block + block_rows)
        # Each part is of whole groups, or lies within one.
        inner = range(-(-start // group_rows) * group_rows, stop // group_rows * group_rows + 1, group_rows)
        for low, high in pairwise(sorted({start, *inner[::at_once], *inner[-1:], stop})):
            rows = stored[low % group_rows :][: high - low]
            turned = groups[(low - block) // group_rows : -((block - high) // group_rows), None]
            part = slice(low - first, high - first)
            if pairs is not None:
                torch.mul(turned, rows, out=pairs[part].view(len(turned), len(rows), -1))
            else:
                _write(table[part], torch.view_as_real(turned * rows).flatten(2).flatten(0, 1), layout)


@lru_cache(maxsize=8)
def _kept_on(device: torch.device, d_model: int, base: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the rows of the first 2^8 positions, the rotations by 2^8 groups of them, and the frequencies' two parts.

    They are made in another thread, where torch has none of the modes and transforms that they would stay part of.
    """

    def make() -> tuple[Tensor, Tensor, Tensor, Tensor]:
        coarse, fine = (
            torch.asarray(part, dtype=torch.float64, device="cpu") for part in _constants(d_model, base)[:2]
        )
        rows, groups = range(2**8), range(0, 2**16, 2**8)
        stored, by_group = (_rotations(p, coarse) * _rotations(p, fine) for p in (rows, groups))
        return (1j * stored).to(device), by_group.to(device), coarse.to(device), fine.to(device)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(make).result()


def _write(table: Tensor, rows: Tensor, layout: Layout) -> None:
    """Write float64 rows, interleaved and with a cosine for every sine, into a table of any layout and width."""
    d_model, rows = table.shape[1], rounded(rows, table.dtype)
    if layout == "interleaved":
        table.copy_(rows[:, :d_model] if d_model % 2 else rows)
    else:
        sines, cosines = columns(d_model, layout)
        table[:, sines] = rows[:, 0::2]
        table[:, cosines] = rows[:, 1:d_model:2]


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


def _cast(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Return `x` rounded once to `dtype`, with its gradient, which operations on bits would lose.

    What is exported rounds twice, which shows in a few entries in a million of 16 bits: not every engine knows bits.
    """
    if dtype.itemsize == 2 and not is_exporting():
        exact = x.detach()
        x = x + (rounded(exact, dtype) - exact)
    return x.to(dtype)


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
    if large and torch.get_num_threads() > 1 and torch.backends.openmp.is_available():  # type: ignore[no-untyped-call]
        divide(write, rows)
    else:
        write(0, rows)


def rows_at_once(d_model: int, device: torch.device) -> int:
    """Return how many rows to compute at once."""
    return max(1, (CPU_ENTRIES if device.type == "cpu" else DEVICE_ENTRIES) // d_model)


def in_graph() -> bool:
    """Return whether torch is making a graph of what is computed now."""
    return torch.compiler.is_compiling() or is_exporting()


def is_exporting() -> bool:
    """Return whether that graph is to be kept: exported, or traced."""
    asked = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)  # before torch 2.7
    return bool(asked() or torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]


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
