"""The formula: frequencies, wavelengths and the encoding of positions."""

import math

import torch
from jaxtyping import Float, Float64, Real
from torch import Tensor

from pe import _checks as check
from pe._checks import Layout
from pe._rows import block_entries, columns, rounded, write_rows


def frequencies(d_model: int, *, base: float = 10_000.0) -> Float64[Tensor, " pairs"]:
    r"""Return the frequency of each pair of columns: for a base above 1, from the fastest to the slowest.

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
        >>> import pe
        >>> pe.frequencies(8)
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
        dtype: Floating dtype of the table, float32 if not given. Every entry is worked out in float64 and
            rounded to it once. (Compiled, it is worked out as by [`encode_positions`][pe.encode_positions].)
        device: Where the table is built; torch's default device if not given.
        out: Tensor of shape `(seq_len, d_model)` to write into, instead of a new one. Its dtype and device count;
            if `dtype` or `device` is given too, it must agree.

    Returns:
        The table, or `out`.

    Raises:
        TypeError: If `seq_len`, `d_model` or `offset` is not an integer, `base` not a real number, `layout` not
            a string, `dtype` not a floating dtype, `device` no device, or `out` not a tensor of floats.
        ValueError: If `seq_len` is negative, `d_model` not positive, `base` not from 1e-300 to 1e300, `layout`
            or `device` unknown, a position further from zero than 2^32 (for a `base` below 1, than 2^32 times
            `base`), or `out` of another shape, dtype or device than asked for, or part of a gradient.
        RuntimeError: If `out` cannot be written to, as an expanded tensor, whose entries share memory.

    Examples:
        >>> import pe
        >>> pe.generate_position_encoding(3, 4)
        tensor([[ 0.0000,  1.0000,  0.0000,  1.0000],
                [ 0.8415,  0.5403,  0.0100,  0.9999],
                [ 0.9093, -0.4161,  0.0200,  0.9998]])

    Source: Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762), section 3.5.
    """
    seq_len = check.integer("seq_len", seq_len, at_least=0)
    d_model = check.integer("d_model", d_model, at_least=1)
    base, layout = check.base(base), check.layout(layout)
    offset = check.integer("offset", offset)
    check.reach("offset and seq_len", max(abs(offset), abs(offset + max(seq_len, 1) - 1)), base)
    # The table comes first: if it does not fit, torch says so before anything else is held.
    made = _table(seq_len, d_model, dtype, device, out)
    table = made.detach()  # of a parameter, the tensor
    if torch.compiler.is_compiling() or type(table) is not Tensor or not _has_float64(table.device):
        # Graphs, tensors that stand for others, and devices on which rows cannot be made.
        positions = torch.arange(offset, offset + seq_len, dtype=torch.float64, device=_float64_device(table.device))
        table.copy_(_encode(positions, d_model, base, layout, table.dtype))
    elif table.numel():
        write_rows(table, offset, base, layout)
    return made


def encode_positions(
    positions: Real[Tensor, "*shape"],
    d_model: int,
    *,
    base: float = 10_000.0,
    layout: Layout = "interleaved",
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "*shape d_model"]:
    """Return the encoding of any real positions: padded, repeated, fractional or negative.

    Explained in [Usage](../usage.md#times-and-places). Past some 10^8 positions the float64 angle shows in float32;
    [`generate_position_encoding`][pe.generate_position_encoding] stays exact there. Nearer, a few entries in a million
    differ from that table's in the last digit.

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
        ValueError: If a position is NaN or further from zero than 2^32 (for a `base` below 1, than 2^32 times
            `base`), `d_model` is not positive, `base` not from 1e-300 to 1e300, or `layout` unknown. Compiled code,
            and transforms such as `torch.vmap`, do not look at positions.

    Examples:
        >>> import pe, torch
        >>> pe.encode_positions(torch.tensor([0.5, -1.0]), 4)
        tensor([[ 0.4794,  0.8776,  0.0050,  1.0000],
                [-0.8415,  0.5403, -0.0100,  0.9999]])

    Source: Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762), section 3.5.
    """
    check.real_tensor("positions", positions)
    d_model = check.integer("d_model", d_model, at_least=1)
    base, layout = check.base(base), check.layout(layout)
    check.floating("dtype", dtype)
    p = positions.to(_float64_device(positions.device), torch.float64)
    check.positions("positions", p, base)
    return _encode(p, d_model, base, layout, dtype).to(positions.device)


def _encode(positions: Tensor, d_model: int, base: float, layout: Layout, dtype: torch.dtype) -> Tensor:
    """Return the encoding of float64 positions, a block of rows at a time."""
    table = positions.new_empty((*positions.shape, d_model), dtype=dtype)
    omega = _frequencies(d_model, base, positions.device)
    if torch.compiler.is_compiling() or (positions.requires_grad and torch.is_grad_enabled()):
        # The length may be a symbol, and the compiler makes blocks of its own. Each block would copy the gradient.
        blocks = [(table, positions)]
    else:
        rows, flat, p = max(1, block_entries(table.device) // d_model), table.view(-1, d_model), positions.reshape(-1)
        blocks = [(flat[start : start + rows], p[start : start + rows]) for start in range(0, len(p), rows)]
    sines, cosines = columns(d_model, layout)
    for block, p in blocks:
        angles = p[..., None] * omega
        for part, values in ((sines, angles.sin()), (cosines, angles[..., : d_model // 2].cos())):
            exact = values.detach()
            # A sum, for gradients.
            block[..., part] = values + (rounded(exact, dtype) - exact) if dtype.itemsize < 4 else values
    return table


def _frequencies(d_model: int, base: float, device: torch.device) -> Tensor:
    two_i = torch.arange(0, d_model, 2, dtype=torch.float64, device=_float64_device(device))
    return (base ** (-two_i / d_model)).to(device)


def _has_float64(device: torch.device) -> bool:
    return device.type != "mps"


def _float64_device(device: torch.device) -> torch.device:
    """Return `device`, or the CPU in place of one that has no float64."""
    return device if _has_float64(device) else torch.device("cpu")


def _table(
    seq_len: int, d_model: int, dtype: torch.dtype | None, device: torch.device | str | None, out: Tensor | None
) -> Tensor:
    """Return the tensor to write into: `out` if it is what was asked for, else a new one."""
    if dtype is not None:
        check.floating("dtype", dtype)
    device = check.device(device)
    if out is None:
        return torch.empty(seq_len, d_model, dtype=dtype or torch.float32, device=device)
    check.floating("out", check.real_tensor("out", out).dtype)
    if device and device.type == out.device.type:
        device = torch.empty(0, device=device).device  # "cuda" is "cuda:0", and "cpu:0" is "cpu"
    for name, value, asked in (
        ("shape", tuple(out.shape), (seq_len, d_model)),
        ("dtype", out.dtype, dtype or out.dtype),
        ("device", out.device, device or out.device),
        ("requires_grad", out.requires_grad and torch.is_grad_enabled(), False),
    ):
        if value != asked:
            raise ValueError(f"out must have {name} {asked}, got {value}")
    return out
