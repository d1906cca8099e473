"""The layer on a DTensor, split between devices: each makes the rows of its own tokens, and nothing is sent."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor
    from typing_extensions import TypeIs

Encoding = Callable[[Tensor, int | Tensor, Tensor | None], Tensor]


def is_sharded(x: Tensor) -> "TypeIs[DTensor]":
    """Return whether `x` is a DTensor, without importing its class: that takes a second, and not every torch has it."""
    return type(x) is not Tensor and hasattr(x, "device_mesh")


def encoding(of: Encoding, x: Tensor, offset: int | Tensor, positions: Tensor | None) -> Tensor:
    """Return `of(x, offset, positions)`; for a DTensor, computed for the tokens that this device holds."""
    if not is_sharded(x):
        return of(x, offset, positions)
    from torch.distributed.tensor import DTensor, Placement, Replicate, Shard

    per_sentence = offset.shape if isinstance(offset, Tensor) else ()
    tokens = (*per_sentence, x.shape[-2]) if positions is None else tuple(positions.shape)
    mesh, ahead = x.device_mesh, x.ndim - 1 - len(tokens)  # axes of x that `tokens` does not have

    def along(placement: Placement) -> Placement:
        """Return where to place the rows of the tokens, which are of the whole width, beside `x`."""
        axis = placement.dim - ahead if type(placement) is Shard else -1
        divided = 0 <= axis < len(tokens) and tokens[axis] == x.shape[ahead + axis]
        return Shard(axis) if divided else Replicate()

    placements = [along(placement) for placement in x.placements]

    def own(value: Tensor) -> Tensor:
        """Return the part of positions or offsets that belongs to the tokens; in a plain tensor each device has all."""
        if not is_sharded(value):
            value = DTensor.from_local(value, mesh, [Replicate()] * mesh.ndim, run_check=False)
        parts = [p if isinstance(p, Shard) and p.dim < value.ndim else Replicate() for p in placements]
        return value.redistribute(placements=parts).to_local()

    first, seq_len = own_tokens(x)
    like = torch.empty(seq_len, 0, dtype=x.dtype, device=x.device)
    if positions is not None:
        rows = of(like, 0, own(positions))
    else:
        rows = of(like, first + (own(offset) if isinstance(offset, Tensor) else offset), None)
    whole = torch.empty(*tokens, rows.shape[-1], device="meta")
    return DTensor.from_local(rows, mesh, placements, run_check=False, shape=whole.shape, stride=whole.stride())


def own_tokens(x: "DTensor") -> tuple[int, int]:
    """Return where in the sequence the tokens begin that this device has, and how many they are."""
    from torch.distributed.tensor import Shard

    first, seq_len = 0, x.shape[-2]
    ranks = x.device_mesh.get_coordinate() or [0] * x.device_mesh.ndim
    for axis, (placement, rank) in enumerate(zip(x.placements, ranks, strict=True)):
        if type(placement) is Shard and placement.dim == x.ndim - 2:
            chunk = -(-seq_len // x.device_mesh.size(axis))  # the first devices have as many each, as with torch.chunk
            first += min(rank * chunk, seq_len)
            seq_len = min(chunk, max(seq_len - rank * chunk, 0))
    return first, seq_len
