"""The formula: frequencies, wavelengths and the encoding of positions."""

import math

import torch
from jaxtyping import Float, Float64, Real
from torch import Tensor

from pe import _checks as check
from pe import _core as core
from pe import _tables as tables
from pe._core import Layout


def frequencies(d_model: int, *, base: float = 10_000.0) -> Float64[Tensor, " pairs"]:
    r"""Return the frequency of each pair of columns: for a base above 1, from the fastest to the slowest.

    $$\omega_i = b^{-2i/d}$$

    Explained in [Frequency scaling](../frequency.md).

    Args:
        d_model: Width of the encoding, in columns.
        base: The $b$ of the formula, from 1e-300 to 1e300; it sets the slowest frequency.

    Returns:
        One value for each pair, in radians per position; the first is 1. An odd width counts its last, lone
        sine as a pair. On torch's default device, or on the CPU if that has no float64.

    Raises:
        TypeError: If `d_model` is not an integer or `base` not a real number.
        ValueError: If `d_model` is not positive, or `base` too small or too large.

    Examples:
        >>> import pe
        >>> pe.frequencies(8)
        tensor([1.0000, 0.1000, 0.0100, 0.0010], dtype=torch.float64)

    Source: Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762), section 3.5.
    """
    d_model, base, _ = check.settings(d_model, base)
    return core.frequencies(d_model, base, torch.empty(0).device)


def wavelengths(d_model: int, *, base: float = 10_000.0) -> Float64[Tensor, " pairs"]:
    r"""Return how many positions each pair of columns takes for one full cycle.

    $$\lambda_i = \frac{2\pi}{\omega_i} = 2\pi\, b^{2i/d}$$

    Explained in [Frequency scaling](../frequency.md).

    Args:
        d_model: Width of the encoding, in columns.
        base: The $b$ of the formula; it sets the longest wavelength.

    Returns:
        One value for each pair, in positions; the first is $2\pi$. On a device as for
        [`frequencies`][pe.frequencies].

    Raises:
        TypeError: As [`frequencies`][pe.frequencies].
        ValueError: As [`frequencies`][pe.frequencies].

    Examples:
        >>> import pe
        >>> pe.wavelengths(8)
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
        dtype: Floating dtype of the table, float32 if not given. Every entry is computed in float64 and rounded to
            it once. (What is exported computes entries as [`encode_positions`][pe.encode_positions] does, and rounds a
            few in a million of 16 bits twice.)
        device: Where the table is built; torch's default device if not given.
        out: Tensor of shape `(seq_len, d_model)` to write into, instead of a new one. Its dtype and device count;
            if `dtype` or `device` is given too, it must agree.

    Returns:
        The table, or `out`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If `seq_len` is negative, `layout` unknown, `d_model` or `base` out of range as for
            [`frequencies`][pe.frequencies], a position further from zero than 2^32 (for a `base` below 1, than 2^32
            times `base`), or `out` of another shape, dtype or device than asked for, or part of a gradient.
        RuntimeError: If torch cannot make the table, or cannot write to `out`, as to an expanded tensor, whose
            entries share memory.

    Examples:
        >>> import pe
        >>> pe.generate_position_encoding(3, 4)
        tensor([[ 0.0000,  1.0000,  0.0000,  1.0000],
                [ 0.8415,  0.5403,  0.0100,  0.9999],
                [ 0.9093, -0.4161,  0.0200,  0.9998]])

    Source: Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762), section 3.5.
    """
    seq_len = check.integer("seq_len", seq_len, at_least=0)
    d_model, base, layout = check.settings(d_model, base, layout)
    offset = check.integer("offset", offset)
    check.rows(offset, seq_len, base)
    if dtype is not None:
        check.floating("dtype", dtype)
    if out is None:
        table = torch.empty(seq_len, d_model, dtype=dtype or torch.float32, device=device)
    else:
        table = check.out(out, (seq_len, d_model), dtype, device)
    tables.write_table(table.detach(), offset, base, layout)  # `out` may be a parameter
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

    Explained in [Recipes](../recipes.md). Unlike the rows of
    [`generate_position_encoding`][pe.generate_position_encoding], which are exact at every position, a few entries in a
    million are wrong in the last digit of float32. Far from zero the float64 angle shows: in a few entries in a
    thousand near position 10^7, and in one in ten near 10^9.

    Args:
        positions: Positions, integer or not, of any shape. A floating dtype is taken at its word: 257 stored
            as bfloat16 is 256.
        d_model: Width of the encoding, in columns. An odd width ends on a sine.
        base: Sets the slowest frequency.
        layout: Order of the columns: `"interleaved"`, `"sin_cos"` or `"cos_sin"`.
        dtype: Floating dtype of the result. Every entry is computed in float64 and rounded to it once.

    Returns:
        One row for each position, on the device of `positions`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If a position is NaN or too far from zero, or another argument out of range, as for
            [`generate_position_encoding`][pe.generate_position_encoding]. Positions are looked at
            on the CPU alone, since a GPU would have to be waited for, and not by compiled code or transforms such as
            `torch.vmap`; what is not looked at and is NaN gives a row of NaN, and what is too far a less exact one.

    Examples:
        >>> import pe, torch
        >>> pe.encode_positions(torch.tensor([0.5, -1.0]), 4)
        tensor([[ 0.4794,  0.8776,  0.0050,  1.0000],
                [-0.8415,  0.5403, -0.0100,  0.9999]])

    Source: Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762), section 3.5.
    """
    d_model, base, layout = check.settings(d_model, base, layout)
    check.floating("dtype", dtype)
    p = check.positions("positions", positions, base)
    return core.encode(p, d_model, base, layout, dtype).to(positions.device)
