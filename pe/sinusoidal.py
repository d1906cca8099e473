"""The formula: frequencies, wavelengths and the encoding of positions."""

import math

import torch
from jaxtyping import Float, Float64, Real
from torch import Tensor

from pe import _checks as check
from pe._checks import Layout

# Entries worked out at once: few enough for their float64 intermediates to stay in the processor's cache.
BLOCK = 2**16


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
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
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
        dtype: Floating dtype of the table. Every entry is worked out in float64 and rounded to it once.
        device: Where the table is built; torch's default device if not given.

    Returns:
        The table, in `dtype` on `device`.

    Raises:
        TypeError: If `seq_len`, `d_model` or `offset` is not an integer, `base` not a real number, `layout` not
            a string, or `dtype` not a floating dtype.
        ValueError: If `seq_len` is negative, `d_model` not positive, `base` not from 1e-300 to 1e300, `layout`
            unknown, or a position further from zero than 2^32, where float64 angles lose their accuracy.

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
    check.floating("dtype", dtype)
    device = torch.get_default_device() if device is None else torch.device(device)
    # The table comes first: if it does not fit, torch says so before anything else is held.
    table = torch.empty(seq_len, d_model, dtype=dtype, device=_float64_device(device))
    positions = torch.arange(offset, offset + seq_len, dtype=torch.float64, device=table.device)
    return _fill(table, positions, base, layout).to(device)


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
    p = check.real_tensor("positions", positions).to(_float64_device(positions.device), torch.float64)
    d_model = check.integer("d_model", d_model, at_least=1)
    base, layout = check.base(base), check.layout(layout)
    check.floating("dtype", dtype)
    # A traced graph cannot look at values, and a meta tensor has none.
    if p.numel() and not (torch.compiler.is_compiling() or p.is_meta):
        check.reach("positions", p.detach().abs().max().item(), base)
    table = torch.empty(*p.shape, d_model, dtype=dtype, device=p.device)
    return _fill(table, p, base, layout).to(positions.device)


def _fill(table: Tensor, positions: Tensor, base: float, layout: Layout) -> Tensor:
    """Write the encoding of float64 `positions` into `table`, a block of rows at a time."""
    d_model = table.shape[-1]
    omega = _frequencies(d_model, base, table.device)
    sines, cosines = _columns(d_model, layout)
    if torch.compiler.is_compiling():
        # The length may be a symbol, and the compiler makes blocks of its own.
        blocks = [(table, positions)]
    else:
        rows, flat, p = max(1, BLOCK // d_model), table.view(-1, d_model), positions.reshape(-1)
        blocks = [(flat[start : start + rows], p[start : start + rows]) for start in range(0, len(p), rows)]
    for block, p in blocks:
        angles = p[..., None] * omega
        block[..., sines] = angles.sin()
        block[..., cosines] = angles[..., : d_model // 2].cos()
    return table


def _frequencies(d_model: int, base: float, device: torch.device) -> Tensor:
    columns = torch.arange(0, d_model, 2, dtype=torch.float64, device=_float64_device(device))
    return (base ** (-columns / d_model)).to(device)


def _columns(d_model: int, layout: Layout) -> tuple[slice, slice]:
    """Return which columns hold the sines and which the cosines."""
    sines = (d_model + 1) // 2
    if layout == "interleaved":
        return slice(0, None, 2), slice(1, None, 2)
    if layout == "sin_cos":
        return slice(0, sines), slice(sines, None)
    return slice(d_model - sines, None), slice(0, d_model - sines)


def _float64_device(device: torch.device) -> torch.device:
    """Return `device`, or the CPU in place of one that has no float64."""
    return torch.device("cpu") if device.type == "mps" else device
