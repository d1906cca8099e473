"""Where numbers of 64 bits are computed: not every device has them."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from pe._threads import apart


def in_float64(x: Tensor) -> Tensor:
    """Return `x` in float64, on the CPU if its own device has no such numbers."""
    return x.to(float64_device(x.device)).to(torch.float64)  # in this order


def float64_device(device: torch.device) -> torch.device:
    """Return `device`, or the CPU in place of a device without float64."""
    # These have it, and a CUDA graph that is being captured must not be asked.
    return device if device.type in ("cpu", "cuda", "meta") or _has_float64(device) else torch.device("cpu")


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _has_float64(device: torch.device) -> bool:
    """Return whether a device computes sines and complex numbers in float64, as is found out once by trying."""
    return math.isclose(_sine_of_one(device), math.sin(1), rel_tol=1e-14)


@lru_cache
def _sine_of_one(device: torch.device) -> float:
    """Return sin 1 as a device computes it, or NaN if it does not."""

    def sine() -> float:
        one = torch.ones(1, dtype=torch.float64, device=device)
        return torch.view_as_real(torch.complex(one.cos(), one.sin()))[0, 1].item()

    try:
        return apart(sine)[0]  # from modes and transforms, which would answer in place of the device
    except Exception:  # each device has its own
        return math.nan
