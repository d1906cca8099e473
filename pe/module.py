"""The formula as a torch layer."""

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from jaxtyping import Float, Integer, Real
from torch import Tensor, nn

from pe import _checks as check
from pe import _core as core
from pe import _sharded as sharded
from pe import _tables as tables
from pe import _traced as traced
from pe._core import Layout
from pe._devices import float64_device

# Rows are kept in multiples of this, as decoding asks for one more at a time.
ROWS = 256


class PositionalEncoding(nn.Module):
    r"""Add the position encoding to embeddings, then apply dropout.

    $$y = \mathrm{dropout}(s \cdot x + \mathrm{PE})$$

    The layer has no parameters and saves nothing: rows are computed in float64 when they are first needed, for any
    length, and rounded once to the dtype of the input, on its device. So there is no `max_len` to give.

    Explained in [Usage](../usage.md).
    """

    def __init__(
        self,
        d_model: int,
        dropout: float = 0.0,
        *,
        base: float = 10_000.0,
        layout: Layout = "interleaved",
        scale: float = 1.0,
    ) -> None:
        """Make a layer; its settings may be changed later, and the next call follows them.

        Args:
            d_model: Width of the embeddings, in columns.
            dropout: Probability that an entry of the sum is dropped in training.
            base: Sets the slowest frequency.
            layout: Order of the columns: `"interleaved"`, `"sin_cos"` or `"cos_sin"`.
            scale: The $s$ of the formula, which multiplies the embeddings; √d_model in the paper.

        Raises:
            TypeError: If an argument is of the wrong type.
            ValueError: If `dropout` is not from 0 to 1, `scale` not finite, `layout` unknown, or `d_model` or `base`
                out of range as for [`frequencies`][pe.frequencies].

        Examples:
            >>> import pe, torch
            >>> layer = pe.PositionalEncoding(4)
            >>> layer(torch.zeros(1, 2, 4))
            tensor([[[0.0000, 1.0000, 0.0000, 1.0000],
                     [0.8415, 0.5403, 0.0100, 0.9999]]])

        Source: Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762), sections
        3.4, 3.5 and 5.4.
        """
        super().__init__()
        self.d_model, self.base, self.layout = check.settings(d_model, base, layout)
        self.scale = check.real("scale", scale)
        hint = "; a longest length (max_len) is not needed"
        self.dropout: nn.Module = nn.Dropout(check.real("dropout", dropout, low=0.0, high=1.0, hint=hint))
        # Not a buffer: casting the module would round a buffer a second time, and a checkpoint would hold it.
        self._kept: _Kept | None = None
        # Rows that CUDA graphs read whenever they are replayed, also when the layer keeps others.
        self._captured: list[Tensor] = []

    def forward(
        self,
        x: Float[Tensor, "*batch seq_len d_model"],
        *,
        offset: int | Integer[Tensor, "*#batch"] = 0,
        positions: Real[Tensor, "*#tokens"] | None = None,
    ) -> Float[Tensor, "*batch seq_len d_model"]:
        """Return `x` with the encoding of its positions added.

        Args:
            x: Embeddings, batch first.
            offset: Position of the first token, for decoding step by step: the number of tokens already seen. In a
                tensor, one for each sentence of the batch, or one for all.
            positions: Position of each token instead, of a shape that broadcasts to that of `x` without its
                last axis; for padded or packed batches.

        Returns:
            The sum, in the dtype and on the device of `x`.

        Raises:
            TypeError: If `x` does not hold floats, `offset` does not hold integers, or `positions` is not a tensor of
                real numbers.
            ValueError: If the last axis of `x` is not `d_model` wide, `positions` or `offset` does not fit `x`, both
                are given, or a position has no value or is too far from zero, as for
                [`generate_position_encoding`][pe.generate_position_encoding]. Tensors of positions are looked at on
                the CPU alone, since a GPU would have to be waited for, and not by compiled code or transforms such as
                `torch.vmap`; exported code, and before torch 2.12 compiled code, does not look at `offset` either.
        """
        if traced.is_proxy(x):
            return traced.leaf(self, x, offset=offset, positions=positions)  # type: ignore[no-any-return]
        check.embeddings("x", x, self.d_model)
        encoding = sharded.encoding(self._encoding, x, check.tokens(x, offset, positions), positions)
        # `alpha` would be rounded to 16 bits as x is.
        exact_scale = self.scale != 1 and x.dtype.itemsize < 4
        y = x * self.scale + encoding if exact_scale else torch.add(encoding, x, alpha=self.scale)
        # Decoding adds one token at a time: there even the call of a dropout that does nothing takes noticeable time.
        idle = type(dropout := self.dropout) is nn.Dropout and not (dropout.training and dropout.p)
        return y if idle else dropout(y)

    if TYPE_CHECKING:  # nn.Module declares a call that takes anything and returns Any

        def __call__(  # noqa: D102
            self, x: Tensor, *, offset: int | Tensor = 0, positions: Tensor | None = None
        ) -> Tensor: ...

    def extra_repr(self) -> str:
        """Return the settings that differ from one layer to the next."""
        return f"{self.d_model}, base={self.base!r}, layout={self.layout!r}, scale={self.scale!r}"

    def __getstate__(self) -> dict[str, Any]:
        # Copies and pickles compute their own rows.
        return super().__getstate__() | {"_kept": None, "_captured": []}  # type: ignore[no-untyped-call, no-any-return]

    def _apply(self, *args: Any, **keywords: Any) -> Any:
        # A layer that is moved or cast will be asked for other rows.
        self._kept = None
        return super()._apply(*args, **keywords)  # type: ignore[no-untyped-call]

    def _encoding(self, x: Tensor, offset: int | Tensor, positions: Tensor | None) -> Tensor:
        """Return the rows of the tokens of `x`, of which only their number, the dtype and the device count."""
        seq_len, name = x.shape[-2], "offset and seq_len" if positions is None else "positions"
        if positions is None:
            if not isinstance(offset, Tensor):
                return self._rows(offset, seq_len, x)
            positions = offset.long()[..., None] + torch.arange(seq_len, device=offset.device)
        if not positions.is_floating_point() and x.device.type == "cpu" and check.can_look(positions):
            ids = positions.long()
            low, high = (int(end) for end in ids.aminmax())
            if high - low < 2 * ids.numel() + ROWS:  # close together, as usual: their rows are kept
                return nn.functional.embedding(ids - low, self._rows(low, high - low + 1, x, name))
        settings = check.settings(self.d_model, self.base, self.layout)
        p = check.positions(name, positions, self.base)
        return core.encode(p.to(float64_device(x.device)), *settings, x.dtype).to(x.device)

    def _rows(self, offset: int, seq_len: int, x: Tensor, name: str = "offset and seq_len") -> Tensor:
        """Return the rows of the positions from `offset` on, in the dtype and on the device of `x`."""
        made_for = self.d_model, self.base, self.layout, x.dtype, x.device
        # A graph computes its rows, for any length. And tensors that only stand for others do not mix with kept rows.
        keeps = not core.in_graph() and core.is_ordinary(x)
        kept = self._kept if keeps else None
        if kept and kept.made_for == made_for and kept.first <= offset <= offset + seq_len <= kept.stop:
            if core.is_capturing(x.device):
                self._captured.append(kept.table)
            return kept.table[offset - kept.first : offset - kept.first + seq_len]
        d_model, base, layout = check.settings(self.d_model, self.base, self.layout)  # they may have been changed
        check.rows(offset, seq_len, base, name)
        if not keeps or core.is_capturing(x.device):
            return tables.table(seq_len, d_model, base, offset, layout, x.dtype, x.device)
        # A few rows more than asked for, so that growing by a token seldom means to compute them again.
        more = -(-seq_len // ROWS) * ROWS
        rows = more if offset + more <= check.largest_position(base) else seq_len
        table = tables.table(rows, d_model, base, offset, layout, x.dtype, x.device)
        if core.is_plain(table):
            self._kept = _Kept(made_for, offset, offset + rows, table)
        return table[:seq_len]


class _Kept(NamedTuple):
    """Rows that a layer keeps, and what they were made for: one object, as threads may share the layer."""

    made_for: tuple[Any, ...]
    first: int
    stop: int
    table: Tensor
