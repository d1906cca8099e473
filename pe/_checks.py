"""What the arguments must be, said once; every error names the argument, what it got and what it must be."""

import math
import numbers
import operator
from reprlib import repr as short
from typing import Literal, get_args

import torch
from torch import Tensor

Layout = Literal["interleaved", "sin_cos", "cos_sin"]

FLOATS = torch.float64, torch.float32, torch.float16, torch.bfloat16

# Past this angle (in radians) a float64 is spaced so widely that its sine is off by more than 5e-7.
LARGEST_ANGLE = 2.0**32


def integer(name: str, value: int, *, at_least: int | None = None) -> int:
    """Return `value` if it is an integer (never a bool) of at least `at_least`."""
    try:
        if isinstance(value, bool) or (isinstance(value, Tensor) and value.dtype == torch.bool):
            raise TypeError
        # To a compiler an integer may be any: `index` would make it the one that it is now.
        number = value if isinstance(value, int | torch.SymInt) else operator.index(value)
    except (TypeError, RuntimeError):  # the latter of tensors without values
        raise TypeError(f"{name} must be an integer, got {short(value)} of type {type(value).__name__}") from None
    if at_least is not None and number < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {number}")
    return number


def real(name: str, value: float, *, low: float = -math.inf, high: float = math.inf) -> float:
    """Return `value` as a float if it is a finite real number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {short(value)} of type {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (-math.inf < number < math.inf and low <= number <= high):
        limits = "" if low == -math.inf else f" from {low:g} to {high:g}"
        raise ValueError(f"{name} must be a finite number{limits}, got {short(value)}")
    return number


def base(value: float) -> float:
    """Return `value` if no frequency or wavelength made of it overflows."""
    return real("base", value, low=1e-300, high=1e300)


def layout(value: Layout) -> Layout:
    """Return `value` if it is a known order of the columns."""
    if not isinstance(value, str):
        raise TypeError(f"layout must be a string, got {short(value)} of type {type(value).__name__}")
    if value not in get_args(Layout):
        raise ValueError(f"layout must be one of {', '.join(map(repr, get_args(Layout)))}, got {short(value)}")
    return value


def floating(name: str, dtype: torch.dtype) -> torch.dtype:
    """Return `dtype` if it is a floating dtype that torch works with; 8 bits are only for storing."""
    if not isinstance(dtype, torch.dtype) or dtype not in FLOATS:
        raise TypeError(f"{name} must be a floating dtype of 64, 32 or 16 bits, got {short(dtype)}")
    return dtype


def device(value: torch.device | str | None) -> torch.device | None:
    """Return the device that `value` names, if there can be one of that name."""
    try:
        return None if value is None else torch.device(value)
    except TypeError:
        raise TypeError(f"device must be a torch.device or a string, got {short(value)}") from None
    except (RuntimeError, ValueError, OverflowError) as error:
        raise ValueError(f"device must name a device, got {short(value)}: {error}") from None


def largest_position(base: float) -> float:
    """Return how far from zero a position may be for float64 to resolve its angles, at any width."""
    return LARGEST_ANGLE * min(1.0, base)


def reach(name: str, position: float, base: float) -> None:
    """Raise if `position`, the one furthest from zero, makes an angle that float64 no longer resolves."""
    limit = largest_position(base)
    if torch.compiler.is_exporting():
        return  # a limit here would have to be given to the exporter as well
    if not position <= limit:  # also true of NaN
        if torch.compiler.is_compiling():
            raise ValueError(f"{name} must keep positions within the limit of `base`")  # which has no digits yet
        try:
            size = f"{position:.12g}"
        except OverflowError:  # of an integer
            size = "over 1e308"
        raise ValueError(
            f"{name} must keep positions within ±{limit:.12g}, past which float64 angles lose their accuracy; got a "
            f"position of size {size}"
        )


def positions(name: str, value: Tensor, base: float) -> None:
    """Raise if a position in `value` is too far from zero, where there are values to look at."""
    if torch.compiler.is_compiling() or not value.numel():
        return
    try:
        furthest = value.detach().abs().max().item()
    except RuntimeError:  # it stands for other tensors, or for many
        return
    if isinstance(furthest, float):
        reach(name, furthest, base)


def real_tensor(name: str, value: Tensor) -> Tensor:
    """Return `value` if it is a tensor of integers or floats."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {short(value)} of type {type(value).__name__}")
    if value.dtype == torch.bool or value.is_complex():
        raise TypeError(f"{name} must hold real numbers, got dtype {value.dtype}")
    if value.layout != torch.strided or value.is_nested:
        raise TypeError(f"{name} must be a dense tensor, got {'a nested one' if value.is_nested else value.layout}")
    return value
