"""The layer in a graph that torch.fx traces by calling a model with names in place of tensors."""

from typing import Any, TypeGuard

from torch import nn
from torch.fx import Proxy


def is_proxy(x: object) -> TypeGuard[Proxy]:
    """Return whether `x` is such a name."""
    return isinstance(x, Proxy)


def leaf(layer: nn.Module, x: Proxy, **keywords: Any) -> Any:
    """Let the graph call the layer as a whole, as it calls torch's own: what is computed depends on the length."""
    tracer: Any = x.tracer
    path = tracer.path_of_module(layer)
    if not path:
        raise TypeError("x must be a torch.Tensor, got a Proxy; torch.fx traces a model that has the layer in it")
    return tracer.create_proxy("call_module", path, (x,), keywords)
