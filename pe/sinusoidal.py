"""The formula: frequencies, wavelengths and the encoding of positions."""

import math
from array import array
from decimal import Context, Decimal
from functools import lru_cache

import torch
from jaxtyping import Float, Float64, Real
from torch import Tensor

from pe import _checks as check
from pe._checks import Layout

# Entries worked out at once: few enough to stay in a processor's cache, or enough to keep another device busy.
BLOCK, LARGE_BLOCK = 2**18, 2**23


def frequencies(d_model: int, *, base: float = 10_000.0) -> Float64[Tensor, " pairs"]:
    r"""Return the frequency of each pair of columns, from the fastest to the slowest.

    $$\omega_i = b^{-2i/d}$$

    Explained in [Frequency scaling](../frequency.md).

    Args:
        d_model: Width of the encoding, in columns.
        base: The $b$ of the formula; it sets the slowest frequency.

    Returns:
        One value for each pair, in radians per position; the first is 1. An odd width counts its last, lone
        sine as a pair.

    Raises:
        TypeError: If `d_model` is not an integer or `base` not a real number.
        ValueError: If `d_model` is not positive, or `base` not from 1e-300 to 1e300.

    Examples:
        >>> frequencies(8)
        tensor([1.0000, 0.1000, 0.0100, 0.0010], dtype=torch.float64)

    Source: Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762), section 3.5.
    """
    d_model = check.integer("d_model", d_model, at_least=1)
    return _frequencies(d_model, check.base(base), torch.get_default_device())


def wavelengths(d_model: int, *, base: float = 10_000.0) -> Float64[Tensor, " pairs"]:
    r"""Return how many positions each pair of columns takes for one full cycle.

    $$\lambda_i = \frac{2\pi}{\omega_i} = 2\pi\, b^{2i/d}$$

    Explained in [Frequency scaling](../frequency.md).

    Args:
        d_model: Width of the encoding, in columns.
        base: The $b$ of the formula; it sets the longest wavelength.

    Returns:
        One value for each pair, in positions; the first is $2\pi$.

    Raises:
        TypeError: If `d_model` is not an integer or `base` not a real number.
        ValueError: If `d_model` is not positive, or `base` not from 1e-300 to 1e300.

    Examples:
        >>> wavelengths(8)
        tensor([   6.2832,   62.8319,  628.3185, 6283.1853], dtype=torch.float64)

    Source: Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762), section 3.5.
    """
    return 2 * math.pi / frequencies(d_model, base=base)


def generate_position_encoding(
    seq_len: int,
    d_model: int,
    *,
    base: float = 10_000.0,
    offset: int = 0,
    layout: Layout = "interleaved",
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
    out: Tensor | None = None,
) -> Float[Tensor, "seq_len d_model"]:
    r"""Return the table of the encoding: one row for each position from `offset` on.

    $$\mathrm{PE}(p, 2i) = \sin(p\,\omega_i), \qquad \mathrm{PE}(p, 2i + 1) = \cos(p\,\omega_i)$$

    Explained in [Formula](../formula.md) and [Implementation](../implementation.md).

    Args:
        seq_len: Number of rows; 0 gives an empty table.
        d_model: Width of the encoding, in columns. An odd width ends on a sine.
        base: Sets the slowest frequency.
        offset: Position of the first row; may be negative.
        layout: Order of the columns: `"interleaved"` (sine, cosine, sine, …, as in the paper), `"sin_cos"`
            (all sines, then all cosines) or `"cos_sin"`.
        dtype: Floating dtype of the table, float32 if not given. Every entry is worked out in float64 and
            rounded to it once.
        device: Where the table is built; torch's default device if not given.
        out: Tensor of shape `(seq_len, d_model)` to write into, instead of a new one. Its dtype and device count;
            if `dtype` or `device` is given too, it must agree.

    Returns:
        The table, or `out`.

    Raises:
        TypeError: If `seq_len`, `d_model` or `offset` is not an integer, `base` not a real number, `layout` not
            a string, `dtype` not a floating dtype, or `out` not a tensor of one.
        ValueError: If `seq_len` is negative, `d_model` not positive, `base` not from 1e-300 to 1e300, `layout`
            unknown, a position further from zero than 2^32, or `out` of another shape, dtype or device than
            asked for, or part of a gradient.

    Examples:
        >>> generate_position_encoding(3, 4)
        tensor([[ 0.0000,  1.0000,  0.0000,  1.0000],
                [ 0.8415,  0.5403,  0.0100,  0.9999],
                [ 0.9093, -0.4161,  0.0200,  0.9998]])

    Source: Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762), section 3.5.
    """
    seq_len = check.integer("seq_len", seq_len, at_least=0)
    d_model = check.integer("d_model", d_model, at_least=1)
    base, layout = check.base(base), check.layout(layout)
    offset = check.integer("offset", offset)
    check.reach("offset and seq_len", max(abs(offset), abs(offset + seq_len - 1)), base)
    # The table comes first: if it does not fit, torch says so before anything else is held.
    table = _table(seq_len, d_model, dtype, device, out)
    if torch.compiler.is_compiling() or not _has_float64(table.device):
        positions = torch.arange(offset, offset + seq_len, device=table.device)
        return table.copy_(encode_positions(positions, d_model, base=base, layout=layout, dtype=table.dtype))
    if table.numel():
        _write_rows(table, offset, base, layout)
    return table


def encode_positions(
    positions: Real[Tensor, "*shape"],
    d_model: int,
    *,
    base: float = 10_000.0,
    layout: Layout = "interleaved",
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "*shape d_model"]:
    """Return the encoding of any real positions: padded, repeated, fractional or negative.

    Explained in [Usage](../usage.md).

    Args:
        positions: Positions, integer or not, of any shape. A floating dtype is taken at its word: 257 stored
            as bfloat16 is 256.
        d_model: Width of the encoding, in columns. An odd width ends on a sine.
        base: Sets the slowest frequency.
        layout: Order of the columns: `"interleaved"`, `"sin_cos"` or `"cos_sin"`.
        dtype: Floating dtype of the result. Every entry is worked out in float64 and rounded to it once.

    Returns:
        One row for each position, on the device of `positions`.

    Raises:
        TypeError: If `positions` is not a tensor of real numbers, `d_model` not an integer, `base` not a real
            number, `layout` not a string, or `dtype` not a floating dtype.
        ValueError: If a position is NaN or further from zero than 2^32, `d_model` is not positive, `base` not
            from 1e-300 to 1e300, or `layout` unknown.

    Examples:
        >>> encode_positions(torch.tensor([0.5, -1.0]), 4)
        tensor([[ 0.4794,  0.8776,  0.0050,  1.0000],
                [-0.8415,  0.5403, -0.0100,  0.9999]])

    Source: Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762), section 3.5.
    """
    check.real_tensor("positions", positions)
    d_model = check.integer("d_model", d_model, at_least=1)
    base, layout = check.base(base), check.layout(layout)
    check.floating("dtype", dtype)
    p = positions.to(positions.device if _has_float64(positions.device) else "cpu", torch.float64)
    # A traced graph cannot look at values, and a meta tensor has none.
    if p.numel() and not (torch.compiler.is_compiling() or p.is_meta):
        check.reach("positions", p.detach().abs().max().item(), base)
    table = torch.empty(*p.shape, d_model, dtype=dtype, device=p.device)
    omega = _frequencies(d_model, base, p.device)
    if torch.compiler.is_compiling():
        # The length may be a symbol, and the compiler makes blocks of its own.
        blocks = [(table, p)]
    else:
        rows, flat, p = max(1, _block(p.device) // d_model), table.view(-1, d_model), p.reshape(-1)
        blocks = [(flat[start : start + rows], p[start : start + rows]) for start in range(0, len(p), rows)]
    sines, cosines = _columns(d_model, layout)
    for part, p in blocks:
        angles = p[..., None] * omega
        part[..., sines] = angles.sin()
        part[..., cosines] = angles[..., : d_model // 2].cos()
    return table.to(positions.device)


def _write_rows(table: Tensor, first: int, base: float, layout: Layout) -> None:
    """Write the rows of the positions from `first` on, as products of rotations.

    A pair of columns is one complex number, z(p) = sin pω + i cos pω = i e^(−ipω). A shift is a rotation,
    z(q + r) = e^(−iqω) z(r): sines of a few positions q and of a few steps r are enough for all rows.
    """
    last, d_model = first + table.shape[0], table.shape[1]
    # A power of two, and every q a multiple of it: a row is the same product wherever its table begins.
    rows = 1 << (_block(table.device) // max(d_model, 256) | 1).bit_length() - 1
    start = first // rows * rows
    low, high = (first - start, last - start) if last <= start + rows else (0, rows)
    coarse, rest = torch.asarray(_digits(d_model, base), dtype=torch.float64, device=table.device).view(2, -1)
    steps = _steps(low, high, coarse + rest)
    if start == 0 and last <= rows:
        _write(table, steps, layout)
        return
    block = torch.empty_like(steps)
    for group in range(start, last, 32 * rows):
        # The angle of q times `coarse` is exact, and that of `rest` small.
        span = group, min(last, group + 32 * rows), rows
        for q, turn in zip(range(*span), _turns(*span, coarse) * _turns(*span, rest), strict=True):
            torch.mul(steps, turn, out=block)
            begin, end = max(first, q + low), min(last, q + high)
            _write(table[begin - first : end - first], block[begin - q - low : end - q - low], layout)


def _write(table: Tensor, z: Tensor, layout: Layout) -> None:
    d_model, pairs = table.shape[1], torch.view_as_real(z)
    if layout == "interleaved":
        table.copy_(pairs.flatten(1)[:, :d_model])
    else:
        sines, cosines = _columns(d_model, layout)
        table[:, sines] = pairs[..., 0]
        table[:, cosines] = pairs[:, : d_model // 2, 1]


def _steps(low: int, high: int, omega: Tensor) -> Tensor:
    """Return z for each step from `low` to `high`: sixteen of them, turned to every sixteenth position."""
    first = low // 16 * 16
    angles = _angles(low if high <= 16 else 0, min(high, 16), 1, omega)
    z = torch.complex(angles.sin(), angles.cos())
    if high <= 16:
        return z
    return (_turns(first, high, 16, omega)[:, None] * z).flatten(0, 1)[low - first : high - first]


def _turns(start: int, stop: int, step: int, omega: Tensor) -> Tensor:
    """Return the rotation e^(−ipω) by each of the positions, a row for each."""
    angles = _angles(start, stop, step, omega)
    return torch.complex(angles.cos(), -angles.sin())


def _angles(start: int, stop: int, step: int, omega: Tensor) -> Tensor:
    return torch.outer(torch.arange(start, stop, step, dtype=torch.float64, device=omega.device), omega)


@lru_cache
def _digits(d_model: int, base: float) -> "array[float]":
    """Return the frequencies as a sum, to 74 bits: first 21, whose product with a position is exact, then the rest.

    At position 10^9 the rounding of a frequency to float64 would already show in float32.
    """
    context, pairs = Context(prec=50), (d_model + 1) // 2
    ratio = context.power(Decimal(base), context.divide(Decimal(-2), Decimal(d_model)))
    digits, omega = array("d", bytes(16 * pairs)), Decimal(1)
    for i in range(pairs):
        mantissa, exponent = math.frexp(omega)
        digits[i] = math.ldexp(round(mantissa * 2**21), exponent - 21)
        digits[pairs + i] = float(context.subtract(omega, Decimal(digits[i])))
        omega = context.multiply(omega, ratio)
    return digits


def _frequencies(d_model: int, base: float, device: torch.device) -> Tensor:
    columns = torch.arange(0, d_model, 2, dtype=torch.float64, device=device if _has_float64(device) else "cpu")
    return (base ** (-columns / d_model)).to(device)


def _columns(d_model: int, layout: Layout) -> tuple[slice, slice]:
    """Return which columns hold the sines and which the cosines."""
    sines = (d_model + 1) // 2
    if layout == "interleaved":
        return slice(0, None, 2), slice(1, None, 2)
    if layout == "sin_cos":
        return slice(0, sines), slice(sines, None)
    return slice(d_model - sines, None), slice(0, d_model - sines)


def _block(device: torch.device) -> int:
    return BLOCK if device.type == "cpu" else LARGE_BLOCK


def _has_float64(device: torch.device) -> bool:
    return device.type != "mps"


def _table(
    seq_len: int, d_model: int, dtype: torch.dtype | None, device: torch.device | str | None, out: Tensor | None
) -> Tensor:
    """Return the tensor to write into: `out` if it is what was asked for, else a new one."""
    if dtype is not None:
        check.floating("dtype", dtype)
    if out is None:
        return torch.empty(seq_len, d_model, dtype=dtype or torch.float32, device=device)
    check.floating("out", check.real_tensor("out", out).dtype)
    for name, value, asked in (
        ("shape", tuple(out.shape), (seq_len, d_model)),
        ("dtype", out.dtype, dtype or out.dtype),
        ("device", out.device, out.device if device is None else torch.device(device)),
        ("requires_grad", out.requires_grad, False),
    ):
        if value != asked:
            raise ValueError(f"out must have {name} {asked}, got {value}")
    return out
