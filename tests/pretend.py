"""`torch.device("pretend")`, in truth the CPU: it stands for a GPU, or without float64 for MPS and some XPUs."""

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._pytree import tree_map

WIDE = torch.float64, torch.complex128

computed: list[str] = []
"""The operations that ran on the device, but for those that only look at memory in another way."""


class Pretend(Tensor):
    """What is on the device: another tensor, which is on the CPU."""

    __torch_function__: Any = torch._C._disabled_torch_function_impl
    lacking: ClassVar[tuple[torch.dtype, ...]] = WIDE
    raw: Tensor

    @staticmethod
    def __new__(cls, raw: Tensor) -> "Pretend":
        if raw.dtype in cls.lacking:
            raise TypeError(f"pretend has no {raw.dtype}")
        made: Any = torch._C._acc.create_empty_tensor(raw.shape, raw.dtype)
        made.__class__ = Pretend
        made.raw = raw
        return made

    def data_ptr(self) -> int:
        return self.raw.data_ptr()


def _raw(x: Any) -> Any:
    if isinstance(x, torch.device):
        return torch.device("cpu")
    return x.raw if isinstance(x, Pretend) else x


def _run(operation: Any, *arguments: Any, **keywords: Any) -> Any:
    if not operation.is_view:
        computed.append(str(operation))
    results = operation(*tree_map(_raw, arguments), **tree_map(_raw, keywords))
    return tree_map(lambda x: Pretend(x) if isinstance(x, Tensor) else x, results)


def _copy(x: Tensor, to: Tensor, non_blocking: bool = False) -> Tensor:
    computed.append("copy" if isinstance(x, Pretend) and isinstance(to, Pretend) else "transfer")
    _raw(to).copy_(_raw(x))
    return to


def _empty(size: Any, *, dtype: Any = None, **_: Any) -> Tensor:
    return Pretend(torch.empty(size, dtype=dtype, device="cpu"))


def _empty_strided(size: Any, stride: Any, *, dtype: Any = None, **_: Any) -> Tensor:
    return Pretend(torch.empty_strided(size, stride, dtype=dtype, device="cpu"))


def _arange(start: Any, end: Any, step: Any = 1, *, dtype: Any = None, **_: Any) -> Tensor:
    computed.append("arange")
    return Pretend(torch.arange(start, end, step, dtype=dtype, device="cpu"))


def _complex(real: Tensor, imaginary: Tensor) -> Tensor:
    computed.append("complex")
    return Pretend(torch.complex(_raw(real), _raw(imaginary)))


def _as_strided(x: Tensor, size: Any, stride: Any, offset: int | None = None) -> Tensor:
    # torch counts from where `x` itself begins, as it takes that for the beginning of its memory.
    return Pretend(torch.as_strided(_raw(x), size, stride, _raw(x).storage_offset() + (offset or 0)))


def register(without: tuple[torch.dtype, ...] = WIDE) -> list[torch.library.Library]:
    """Make the device known to torch, for as long as what is returned is kept; `without` these formats."""
    Pretend.lacking = without
    backend_registration._setup_privateuseone_for_python_backend("pretend")
    everything, some = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    everything.fallback(_run, "PrivateUse1")
    some.impl("_copy_from", _copy, "PrivateUse1")
    some.impl("empty.memory_format", _empty, "PrivateUse1")
    some.impl("complex", _complex, "PrivateUse1")
    some.impl("as_strided", _as_strided, "PrivateUse1")
    some.impl("empty_strided", _empty_strided, "PrivateUse1")
    some.impl("arange", lambda end, **_: Pretend(torch.arange(end, device="cpu")), "PrivateUse1")
    some.impl("arange.start", _arange, "PrivateUse1")
    some.impl("arange.start_step", _arange, "PrivateUse1")
    some.impl("detach", lambda x: Pretend(x.raw), "PrivateUse1")
    some.impl("alias", lambda x: Pretend(x.raw), "PrivateUse1")
    # What torch makes here for gradients would be of another class.
    some.impl("view.dtype", lambda x, dtype: Pretend(x.raw.view(dtype)), "AutogradPrivateUse1")
    return [everything, some]
