"""The formula as a torch layer."""

from typing import Any

import torch
from jaxtyping import Float, Real
from torch import Tensor, nn

from pe import _checks as check
from pe._checks import Layout
from pe.sinusoidal import encode_positions, generate_position_encoding

# Rows are kept ready in multiples of this: decoding asks for one more at a time.
ROWS = 256


class PositionalEncoding(nn.Module):
    r"""Add the position encoding to embeddings, then apply dropout.

    $$y = \mathrm{dropout}(s \cdot x + \mathrm{PE})$$

    The layer has no parameters and saves nothing: rows are worked out when they are first needed, for any length,
    in float64, rounded once to the dtype of the input, on its device.

    Explained in [Usage](../usage.md).

    Args:
        d_model: Width of the embeddings, in columns.
        base: Sets the slowest frequency.
        layout: Order of the columns: `"interleaved"`, `"sin_cos"` or `"cos_sin"`.
        dropout: Probability that an entry of the sum is dropped in training.
        scale: The $s$ of the formula, which multiplies the embeddings; √d_model in the paper.

    Raises:
        TypeError: If `d_model` is not an integer, `base`, `dropout` or `scale` not a real number, or `layout` not
            a string.
        ValueError: If `d_model` is not positive, `base` not from 1e-300 to 1e300, `layout` unknown, `dropout` not
            from 0 to 1, or `scale` not finite.

    Examples:
        >>> import pe, torch
        >>> layer = pe.PositionalEncoding(4)
        >>> layer(torch.zeros(1, 2, 4))
        tensor([[[0.0000, 1.0000, 0.0000, 1.0000],
                 [0.8415, 0.5403, 0.0100, 0.9999]]])

    Source: Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762), sections 3.4,
    3.5 and 5.4.
    """

    def __init__(
        self,
        d_model: int,
        *,
        base: float = 10_000.0,
        layout: Layout = "interleaved",
        dropout: float = 0.0,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.d_model = check.integer("d_model", d_model, at_least=1)
        self.base = check.base(base)
        self.layout = check.layout(layout)
        self.scale = check.real("scale", scale)
        self.dropout: nn.Module = nn.Dropout(check.real("dropout", dropout, low=0.0, high=1.0))
        # Not a buffer: casting the module would round a buffer a second time, and a checkpoint would freeze it.
        # What the rows are made for, the position of the first, and the rows: one attribute, because threads may share
        # the layer.
        self._kept: tuple[tuple[Any, ...], int, Tensor] | None = None

    def forward(
        self,
        x: Float[Tensor, "*batch seq_len d_model"],
        *,
        offset: int = 0,
        positions: Real[Tensor, "*#tokens"] | None = None,
    ) -> Float[Tensor, "*batch seq_len d_model"]:
        """Return `x` with the encoding of its positions added.

        Args:
            x: Embeddings, batch first.
            offset: Position of the first token, for decoding step by step: the number of tokens already seen.
            positions: Position of each token instead, of a shape that broadcasts to that of `x` without its
                last axis; for padded or packed batches.

        Returns:
            The sum, in the dtype and on the device of `x`.

        Raises:
            TypeError: If `x` does not hold floats, `offset` is not an integer, or `positions` is not a tensor of
                real numbers.
            ValueError: If the last axis of `x` is not `d_model` wide, `positions` does not fit `x`, both `offset`
                and `positions` are given, or a position has no value or is further from zero than 2^32 (for a
                `base` below 1, than 2^32 times `base`). Compiled code, and transforms such as `torch.vmap`, do not
                look at `positions`; exported code does not look at `offset` either.
        """
        self._check_input(x)
        offset = check.integer("offset", offset)
        if positions is None:
            encoding = self._rows(offset, x)
        elif offset != 0:
            raise ValueError(f"offset must be 0 when positions are given, got {offset}")
        else:
            self._check_positions(positions, x)
            encoding = encode_positions(
                positions.to(x.device), self.d_model, base=self.base, layout=self.layout, dtype=x.dtype
            )
        # In one operation a short format would round the factor itself.
        short = self.scale != 1 and x.dtype.itemsize < 4
        y = x * self.scale + encoding if short else torch.add(encoding, x, alpha=self.scale)
        # Decoding adds one token at a time: there even the call of a dropout that does nothing would be felt.
        dropout = self.dropout
        idle = type(dropout) is nn.Dropout and not (dropout.training and dropout.p)
        return y if idle else dropout(y)

    def extra_repr(self) -> str:
        """Return the settings that differ from one layer to the next."""
        return f"{self.d_model}, base={self.base!r}, layout={self.layout!r}, scale={self.scale!r}"

    def __getstate__(self) -> dict[str, Any]:
        # Copies and pickles work out their own rows.
        return super().__getstate__() | {"_kept": None}  # type: ignore[no-untyped-call, no-any-return]

    def _apply(self, *args: Any, **keywords: Any) -> Any:
        # A layer that is moved or cast will be asked for other rows.
        self._kept = None
        return super()._apply(*args, **keywords)  # type: ignore[no-untyped-call]

    def _rows(self, offset: int, x: Tensor) -> Tensor:
        """Return the rows for positions from `offset` on, as many as `x` has tokens."""
        seq_len = x.shape[-2]
        made_for = self.d_model, self.base, self.layout, x.dtype, x.device
        # In a graph the rows are part of the computation, for any length. And tensors that stand for others, as in
        # FakeTensorMode or torch.func.grad, do not mix with real ones.
        alone = not torch.compiler.is_compiling() and not _transformed()
        kept_for, first, table = self._kept if self._kept and alone else (None, 0, None)
        if table is None or kept_for != made_for or not first <= offset <= offset + seq_len <= first + len(table):
            # A few rows more than asked for, so that growing by a token seldom means working them out again.
            rows = -(-seq_len // ROWS) * ROWS
            if not alone or offset + rows > check.largest_position(check.base(self.base)):
                rows = seq_len
            table = generate_position_encoding(
                rows,
                self.d_model,
                base=self.base,
                offset=offset,
                layout=self.layout,
                dtype=x.dtype,
                device=x.device,
            )
            first = offset
            if alone:
                self._kept = made_for, first, table
        return table[offset - first : offset - first + seq_len]

    def _check_input(self, x: Tensor) -> None:
        check.real_tensor("x", x)
        if x.dtype not in check.FLOATS:
            hint = "; positions are added to embeddings, not to ids" if not x.is_floating_point() else ""
            raise TypeError(f"x must hold floats of 64, 32 or 16 bits, got dtype {x.dtype}{hint}")
        if x.ndim < 2 or x.shape[-1] != self.d_model:
            raise ValueError(f"x must have the shape (..., seq_len, {self.d_model}), got {tuple(x.shape)}")

    def _check_positions(self, positions: Tensor, x: Tensor) -> None:
        check.real_tensor("positions", positions)
        if positions.is_meta and not x.is_meta:
            raise ValueError(f"positions must hold values, as x on {x.device} does; got a tensor on the meta device")
        tokens = x.shape[:-1]
        if not _broadcasts(positions.shape, tokens):
            swapped = x.ndim == 3 and _broadcasts(positions.shape, tokens[::-1])
            hint = "; x looks like (seq_len, batch, d_model), pass x.transpose(0, 1)" if swapped else ""
            raise ValueError(
                f"positions must broadcast to the tokens of x, {tuple(tokens)}; got {tuple(positions.shape)}{hint}"
            )


def _transformed() -> bool:
    """Return whether a transform of torch.func, or a mode, gets to see what is worked out here."""
    return torch._C._functorch.peek_interpreter_stack() is not None or torch._C._len_torch_dispatch_stack() > 0


def _broadcasts(shape: torch.Size, to: torch.Size) -> bool:
    # Not `a in (1, b)`: while a graph is traced a size may be a symbol, which only `==` understands.
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(a == 1 or a == b for a, b in pairs)  # noqa: PLR1714
