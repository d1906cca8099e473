"""What the arguments must be, said once; every error names the argument, what it got and what it must be."""

import math
import numbers
import operator
from reprlib import repr as short
from typing import get_args

import torch
from torch import Tensor
from torch.fx import Proxy

from pe import _core as core
from pe._core import Layout
from pe._devices import in_float64

LAYOUTS = get_args(Layout)
FLOATS = torch.float64, torch.float32, torch.float16, torch.bfloat16

# Past this angle, in radians, neighbouring float64 numbers are so far apart that a sine is off by more than 5e-7.
LARGEST_ANGLE = 2.0**32


def integer(name: str, value: int, *, at_least: int | None = None) -> int:
    """Return `value` if it is an integer (never a bool) of at least `at_least`."""
    try:
        if isinstance(value, bool) or (isinstance(value, Tensor) and value.dtype == torch.bool):
            raise TypeError
        # Of an integer that a compiler leaves open, `index` would make the one that it is now.
        number = value if isinstance(value, (int, torch.SymInt)) else operator.index(value)
    except (TypeError, RuntimeError):  # the latter of tensors without values
        raise TypeError(f"{name} must be an integer, got {_described(value)}") from None
    if at_least is not None and number < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {number}")
    return number


def index(name: str, value: int, *, below: int) -> int:
    """Return `value` if it is an integer from 0 and below `below`."""
    if not 0 <= integer(name, value) < below:
        raise ValueError(f"{name} must be from 0 to {below - 1}, got {value}")
    return value


def real(name: str, value: float, *, low: float = -math.inf, high: float = math.inf, hint: str = "") -> float:
    """Return `value` as a float if it is a finite real number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {_described(value)}")
    number = float(value)
    if not (-math.inf < number < math.inf and low <= number <= high):
        limits = "" if low == -math.inf else f" from {low:g} to {high:g}"
        raise ValueError(f"{name} must be a finite number{limits}, got {short(value)}{hint}")
    return number


def settings(d_model: int, base: float, layout: Layout = "interleaved") -> tuple[int, float, Layout]:
    """Return the settings of an encoding if its width is positive, its base makes no overflow, its layout is known."""
    d_model = integer("d_model", d_model, at_least=1)
    base = real("base", base, low=1e-300, high=1e300)
    if not isinstance(layout, str):
        raise TypeError(f"layout must be a string, got {_described(layout)}")
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(map(repr, LAYOUTS))}, got {short(layout)}")
    return d_model, base, layout


def even(d_model: int) -> int:
    """Return `d_model` if every sine has its cosine."""
    if d_model % 2:
        raise ValueError(f"d_model must be even, so that every sine has its cosine; got {d_model}")
    return d_model


def floating(name: str, dtype: torch.dtype) -> torch.dtype:
    """Return `dtype` if it is a floating dtype that torch computes with; 8 bits are only for storing."""
    if not isinstance(dtype, torch.dtype) or dtype not in FLOATS:
        raise TypeError(f"{name} must be a floating dtype of 64, 32 or 16 bits, got {short(dtype)}")
    return dtype


def real_tensor(name: str, value: Tensor) -> Tensor:
    """Return `value` if it is a tensor of integers or floats."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {_described(value)}")
    if value.dtype == torch.bool or value.is_complex():
        raise TypeError(f"{name} must hold real numbers, got dtype {value.dtype}")
    if value.layout != torch.strided or value.is_nested:
        raise TypeError(f"{name} must be a dense tensor, got {'a nested one' if value.is_nested else value.layout}")
    return value


def out(value: Tensor, shape: tuple[int, int], dtype: torch.dtype | None, device: torch.device | str | None) -> Tensor:
    """Return `value` if a table of this shape, dtype and device can be written into it."""
    floating("out", real_tensor("out", value).dtype)
    if device is not None:
        device = torch.empty(0, device=device).device  # "cuda" is "cuda:0", and "cpu:0" is "cpu"
    for name, got, asked in (
        ("shape", tuple(value.shape), shape),
        ("dtype", value.dtype, dtype or value.dtype),
        ("device", value.device, device or value.device),
        ("requires_grad", value.requires_grad and torch.is_grad_enabled(), False),
    ):
        if got != asked:
            raise ValueError(f"out must have {name} {asked}, got {got}")
    return value


def largest_position(base: float) -> float:
    """Return how far from zero a position may be for float64 to resolve its angles, at any width."""
    return LARGEST_ANGLE * min(1.0, base)


def reach(name: str, position: float, base: float) -> None:
    """Raise if `position`, the furthest from zero, makes an angle that float64 does not resolve."""
    limit = largest_position(base)
    if core.is_exporting():
        return  # a limit here would have to be given to the exporter as well
    if not position <= limit:  # also true of NaN
        # Compiled code knows no number to show.
        got = "" if torch.compiler.is_compiling() else f"; got a position of size {short(position)}"
        raise ValueError(
            f"{name} must keep positions within ±{limit:.12g}, past which float64 angles lose their accuracy: "
            f"subtract an origin, or take a larger unit{got}"
        )


def rows(offset: int, seq_len: int, base: float, name: str = "offset and seq_len") -> None:
    """Raise if the positions from `offset` on, `seq_len` of them, reach too far from zero."""
    reach(name, max(abs(offset), abs(offset + max(seq_len, 1) - 1)), base)


def positions(name: str, value: Tensor, base: float) -> Tensor:
    """Return `value` in float64 if it holds real numbers, not too far from zero where that can be seen."""
    p = in_float64(real_tensor(name, value))
    if can_look(p):
        low, high = (end.item() for end in p.detach().aminmax())
        reach(name, max(-low, high), base)
    return p


def can_look(p: Tensor) -> bool:
    """Return whether `p` has values, and to look at them is free: another device would have to be waited for."""
    return p.device.type == "cpu" and p.numel() > 0 and core.is_plain(p)


def embeddings(name: str, value: Tensor, d_model: int) -> None:
    """Raise if `value` does not hold floats, or is not of shape (..., seq_len, d_model)."""
    real_tensor(name, value)
    if value.dtype not in FLOATS:
        hint = "; positions are added to embeddings, not to ids" if not value.is_floating_point() else ""
        raise TypeError(f"{name} must hold floats of 64, 32 or 16 bits, got dtype {value.dtype}{hint}")
    if value.ndim < 2 or value.shape[-1] != d_model:
        raise ValueError(f"{name} must have the shape (..., seq_len, {d_model}), got {tuple(value.shape)}")


def tokens(x: Tensor, offset: int | Tensor, positions: Tensor | None) -> int | Tensor:
    """Return `offset` if it, or `positions`, tells where the tokens of `x` stand."""
    if positions is not None:
        if isinstance(offset, Tensor) or integer("offset", offset) != 0:
            raise ValueError(f"offset must be 0 when positions are given, got {offset}")
        token_positions(positions, x)
        return 0
    if not isinstance(offset, Tensor):
        return integer("offset", offset)
    sentence_offsets(offset, x)
    return offset


def token_positions(value: Tensor, x: Tensor) -> None:
    """Raise if `value` does not give the tokens of `x` a position each."""
    tokens, shape = tuple(x.shape[:-1]), tuple(_with_values("positions", value, x).shape)
    hint = ""
    if shape and shape[-1] == 1 and tokens[-1] != 1:
        hint = "; one for each sentence, from which its tokens count on, is given as offset, without the last axis"
    elif _broadcasts(shape, tokens):
        return
    elif shape == tokens[:-1]:
        hint = "; one for each sentence, from which its tokens count on, is given as offset"
    elif shape == tokens[::-1]:
        hint = "; x looks like (seq_len, batch, d_model), pass x.transpose(0, 1)"
    raise ValueError(f"positions must broadcast to the tokens of x, {tokens}; got {shape}{hint}")


def sentence_offsets(value: Tensor, x: Tensor) -> None:
    """Raise if `value` does not give the sentences of `x` an integer each, or one to all."""
    if _with_values("offset", value, x).is_floating_point():
        raise TypeError(f"offset must hold integers, got dtype {value.dtype}")
    sentences, shape = tuple(x.shape[:-2]), tuple(value.shape)
    if not _broadcasts(shape, sentences):
        raise ValueError(f"offset must be one integer, or broadcast to the sentences of x, {sentences}; got {shape}")


def _with_values(name: str, value: Tensor, x: Tensor) -> Tensor:
    if real_tensor(name, value).is_meta and not x.is_meta:
        raise ValueError(f"{name} must hold values, as x on {x.device} does; got a tensor on the meta device")
    return value


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    missing = len(to) - len(shape)
    # Not `a in (1, b)`: while a graph is traced a size may be a symbol, which only `==` understands.
    return missing >= 0 and all(a == 1 or a == b for a, b in zip(shape, to[missing:], strict=True))  # noqa: PLR1714


def _described(value: object) -> str:
    hint = ", as torch.fx has it in a graph; name the function to torch.fx.wrap" if isinstance(value, Proxy) else ""
    return f"{short(value)} of type {type(value).__name__}{hint}"
