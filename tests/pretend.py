"""`torch.device("pretend")`, a device without float64 that in truth is the CPU: it stands for MPS and some XPUs."""

from typing import Any

import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._pytree import tree_map

WIDE = torch.float64, torch.complex128


class Pretend(Tensor):
    """What is on the device: another tensor, which is on the CPU."""

    __torch_function__: Any = torch._C._disabled_torch_function_impl
    raw: Tensor

    @staticmethod
    def __new__(cls, raw: Tensor) -> "Pretend":
        if raw.dtype in WIDE:
            raise TypeError(f"pretend has no {raw.dtype}")
        made: Any = torch._C._acc.create_empty_tensor(raw.shape, raw.dtype)
        made.__class__ = Pretend
        made.raw = raw
        return made


def _raw(x: Any) -> Any:
    if isinstance(x, torch.device):
        return torch.device("cpu")
    return x.raw if isinstance(x, Pretend) else x


def _run(operation: Any, *arguments: Any, **keywords: Any) -> Any:
    results = operation(*tree_map(_raw, arguments), **tree_map(_raw, keywords))
    return tree_map(lambda x: Pretend(x) if isinstance(x, Tensor) else x, results)


def _copy(x: Tensor, to: Tensor, non_blocking: bool = False) -> Tensor:
    _raw(to).copy_(_raw(x))
    return to


def _empty(size: Any, *, dtype: Any = None, **_: Any) -> Tensor:
    return Pretend(torch.empty(size, dtype=dtype, device="cpu"))


def _empty_strided(size: Any, stride: Any, *, dtype: Any = None, **_: Any) -> Tensor:
    return Pretend(torch.empty_strided(size, stride, dtype=dtype, device="cpu"))


def register() -> list[torch.library.Library]:
    """Make the device known to torch, for as long as what is returned is kept."""
    backend_registration._setup_privateuseone_for_python_backend("pretend")
    everything, some = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    everything.fallback(_run, "PrivateUse1")
    some.impl("_copy_from", _copy, "PrivateUse1")
    some.impl("empty.memory_format", _empty, "PrivateUse1")
    some.impl("empty_strided", _empty_strided, "PrivateUse1")
    some.impl("arange", lambda end, **_: Pretend(torch.arange(end, device="cpu")), "PrivateUse1")
    some.impl("detach", lambda x: Pretend(x.raw), "PrivateUse1")
    return [everything, some]
