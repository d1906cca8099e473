"""The laws: a shift is a rotation, and similarity depends on distance alone."""

import torch
from jaxtyping import Float64, Real
from torch import Tensor

from pe import _checks as check
from pe import _core as core
from pe._core import Layout


def shift_matrix(
    offset: float, d_model: int, *, base: float = 10_000.0, layout: Layout = "interleaved"
) -> Float64[Tensor, "d_model d_model"]:
    r"""Return the one rotation that moves every row of the table by `offset` positions.

    $$R(k)\,\mathrm{PE}(p) = \mathrm{PE}(p + k) \quad \text{for all } p$$

    Explained in [Properties](../properties.md#a-shift-is-one-rotation).

    Args:
        offset: The $k$ of the formula, in positions; negative moves back, fractions are fine.
        d_model: Width of the encoding, in columns; even, since a lone sine cannot be rotated.
        base: Sets the slowest frequency.
        layout: Order of the columns: `"interleaved"`, `"sin_cos"` or `"cos_sin"`.

    Returns:
        An orthogonal matrix: for each pair of columns a rotation by the angle $k\,\omega_i$, zero elsewhere. On a
        device as for [`frequencies`][pe.frequencies].

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If `d_model` is odd, or an argument out of range, as for
            [`generate_position_encoding`][pe.generate_position_encoding].

    Examples:
        >>> import pe
        >>> pe.shift_matrix(1, 2)
        tensor([[ 0.5403,  0.8415],
                [-0.8415,  0.5403]], dtype=torch.float64)

    Source: Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762), section 3.5.
    """
    offset = check.real("offset", offset)
    d_model, base, layout = check.settings(d_model, base, layout)
    check.even(d_model)
    check.reach("offset", abs(offset), base)
    angles = offset * core.frequencies(d_model, base, torch.empty(0).device)
    columns = torch.arange(d_model, device=angles.device)
    sines, cosines = (columns[part] for part in core.columns(d_model, layout))
    matrix = angles.new_zeros(d_model, d_model)
    matrix[sines, sines] = matrix[cosines, cosines] = angles.cos()
    matrix[sines, cosines] = angles.sin()
    matrix[cosines, sines] = -angles.sin()
    return matrix


def similarity(offsets: Real[Tensor, "*lags"], d_model: int, *, base: float = 10_000.0) -> Float64[Tensor, "*lags"]:
    r"""Return the cosine similarity of two rows that stand `offsets` positions apart.

    It depends on the distance alone, never on the position itself:

    $$\kappa(k) = \frac{2}{d} \sum_{i=0}^{d/2-1} \cos(k\,\omega_i)$$

    Explained in [Properties](../properties.md#the-product-of-two-rows-depends-on-their-distance).

    Args:
        offsets: Distances in positions, of any shape; the sign does not matter.
        d_model: Width of the encoding, in columns; even, since only then all rows are equally long.
        base: Sets the slowest frequency.

    Returns:
        One value in [-1, 1] for each distance, on the device of `offsets`, or on the CPU if that has no float64.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If `d_model` is odd, a distance NaN, or an argument out of range, as for
            [`generate_position_encoding`][pe.generate_position_encoding]. Distances are looked at as
            positions are there.

    Examples:
        >>> import pe, torch
        >>> pe.similarity(torch.tensor([0, 1]), 128)
        tensor([1.0000, 0.9702], dtype=torch.float64)

    Source: follows from Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762),
    section 3.5.
    """
    d_model, base, _ = check.settings(d_model, base)
    check.even(d_model)
    lags = check.positions("offsets", offsets, base)
    omega = core.frequencies(d_model, base, lags.device)
    if not core.is_plain(lags) or (lags.requires_grad and torch.is_grad_enabled()):
        return (lags[..., None] * omega).cos().mean(-1)
    flat, result = lags.reshape(-1, 1), lags.new_empty(lags.numel())

    def write(first: int, stop: int) -> None:
        for part in core.parts(first, stop, core.rows_at_once(d_model, lags.device)):
            result[part] = (flat[part] * omega).cos().mean(-1)

    core.by_rows(write, len(flat), d_model, result)
    return result.view(lags.shape)
