"""Operations of our own: modes and compilers of torch see each as one, and nothing inside it."""

from collections.abc import Callable

import torch
from torch import Tensor


def define(name: str, arguments: str, run: Callable[..., Tensor], like: Callable[..., Tensor]) -> None:
    """Make `run` an operation that returns a new tensor; `like` returns one of its shape, dtype and device."""
    if hasattr(torch.ops.pe, name):
        return  # a module may be reloaded, but an operation is defined only once
    torch.library.define(f"pe::{name}", f"({arguments}) -> Tensor")
    torch.library.impl(f"pe::{name}", "CompositeExplicitAutograd", run)
    torch.library.register_fake(f"pe::{name}", like)
