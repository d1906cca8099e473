"""The laws: a shift is a rotation, and similarity depends on distance alone."""

import torch
from jaxtyping import Float64, Real
from torch import Tensor

from pe import _checks as check
from pe import _rows
from pe._checks import Layout
from pe.sinusoidal import _frequencies, frequencies


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
        An orthogonal matrix: for each pair of columns a rotation by the angle $k\,\omega_i$, zero elsewhere.

    Raises:
        TypeError: If `offset` or `base` is not a real number, `d_model` not an integer, or `layout` not a string.
        ValueError: If `offset` is not finite or further from zero than 2^32 (for a `base` below 1, than 2^32 times
            `base`), `d_model` is odd or not positive, `base` not from 1e-300 to 1e300, or `layout` unknown.

    Examples:
        >>> import pe
        >>> pe.shift_matrix(1, 2)
        tensor([[ 0.5403,  0.8415],
                [-0.8415,  0.5403]], dtype=torch.float64)

    Source: Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762), section 3.5.
    """
    offset = check.real("offset", offset)
    d_model = _even(d_model)
    base, layout = check.base(base), check.layout(layout)
    check.reach("offset", abs(offset), base)
    angles = offset * frequencies(d_model, base=base)
    columns = torch.arange(d_model, device=angles.device)
    sines, cosines = (columns[part] for part in _rows.columns(d_model, layout))
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
        One value in [-1, 1] for each distance.

    Raises:
        TypeError: If `offsets` is not a tensor of real numbers, `d_model` not an integer, or `base` not a real
            number.
        ValueError: If a distance is NaN or larger than 2^32 (for a `base` below 1, than 2^32 times `base`), `d_model`
            is odd or not positive, or `base` not from 1e-300 to 1e300. Compiled code does not look at distances.

    Examples:
        >>> import pe, torch
        >>> pe.similarity(torch.tensor([0, 1]), 128)
        tensor([1.0000, 0.9702], dtype=torch.float64)

    Source: follows from Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762),
    section 3.5.
    """
    lags = check.real_tensor("offsets", offsets).to(torch.float64)
    d_model, base = _even(d_model), check.base(base)
    check.positions("offsets", lags, base)
    omega = _frequencies(d_model, base, lags.device)
    if torch.compiler.is_compiling():
        return (lags[..., None] * omega).cos().mean(-1)
    blocks = torch.split(lags.reshape(-1), max(1, _rows.block_entries(lags.device) // d_model))
    return torch.cat([(block[:, None] * omega).cos().mean(-1) for block in blocks]).view(lags.shape)


def _even(d_model: int) -> int:
    d_model = check.integer("d_model", d_model, at_least=1)
    if d_model % 2:
        raise ValueError(f"d_model must be even, so that every sine has its cosine; got {d_model}")
    return d_model
