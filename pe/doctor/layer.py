"""Somebody's own layer, made and called in the ways that the laws look at."""

import copy
import math
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from pe.doctor.identify import Identification, identify

ROWS = 600  # rows that are looked at: bfloat16 lacks position 257, and frequencies of 8 bits have drifted by then
FAR = 2**14  # a layer that takes as many positions is said to take any number
PATIENCE = 0.5  # seconds that a call may take for twice as many positions to be tried
TOLERANCE = 1e-4  # how far apart float32 may lead two ways to the same rows, for entries that reach 1


def said(error: Exception) -> str:
    """Return the name of an error and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


class Layer:
    """The code to be checked: makes it, calls it on zeros, and keeps what several laws look at."""

    def __init__(self, make: Any, d_model: int, call: Callable[..., Tensor]) -> None:
        self.make, self.d_model, self.call = make, d_model, call
        self.any_width = not isinstance(make, nn.Module)

    def new(self, d_model: int | None = None) -> Any:
        """Return a new layer in evaluation mode, with the same random numbers as every other."""
        torch.manual_seed(0)
        layer = self.make(d_model or self.d_model) if self.any_width else copy.deepcopy(self.make)
        if layer is self.first:
            layer = copy.deepcopy(layer)  # a function may return the same layer each time
        return layer.eval() if isinstance(layer, nn.Module) else layer

    @cached_property
    def first(self) -> Any:
        """A layer that is never called."""
        torch.manual_seed(0)
        return self.make(self.d_model) if self.any_width else self.make

    @cached_property
    def is_module(self) -> bool:
        """Whether it is an nn.Module."""
        return isinstance(self.first, nn.Module)

    @cached_property
    def device(self) -> torch.device:
        """Where the layer has its tensors."""
        held = [*self.first.parameters(), *self.first.buffers()] if self.is_module else []
        return held[0].device if held else torch.empty(0).device

    def zeros(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return zeros on the device of the layer."""
        return torch.zeros(*shape, dtype=dtype, device=self.device)

    def output(self, x: Tensor, layer: Any = None) -> Tensor:
        """Return what the layer, or a new one, makes of a copy of `x`, in the shape of `x`."""
        y = self.call(self.new() if layer is None else layer, x.clone())
        if not isinstance(y, Tensor):
            raise TypeError(f"the layer returned {type(y).__name__}, not a tensor")
        try:
            return y.expand(x.shape).clone()
        except RuntimeError:
            raise ValueError(f"{tuple(x.shape)} went in and {tuple(y.shape)} came out") from None

    def rows(self, seq_len: int, layer: Any = None, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return the rows of so many positions, as they come out where zeros go in."""
        return self.output(self.zeros(1, seq_len, self.d_model, dtype=dtype), layer)[0].detach()

    @cached_property
    def longest(self) -> tuple[int, str]:
        """The longest sequence that is taken, and what happens to a longer one: "" if none was refused."""

        def refused(seq_len: int) -> str:
            try:
                self.rows(seq_len)
            except Exception as error:
                return said(error)
            return ""

        low, high, why = 2, 4, ""
        while low < FAR and not (why := refused(high)):
            low, high = high, 2 * high
            started = time.perf_counter()
            self.rows(low)
            if time.perf_counter() - started > PATIENCE:
                break
        while why and high - low > 1:
            middle = (low + high) // 2
            if words := refused(middle):
                high, why = middle, words
            else:
                low = middle
        return low, why

    @cached_property
    def table(self) -> Tensor:
        """The rows of positions from 0 on, in float64."""
        return self.rows(min(ROWS, self.longest[0])).double()

    @cached_property
    def largest(self) -> float:
        """The largest entry of the table; 1 for the paper's encoding."""
        return float(self.table.abs().max()) or 1.0

    @cached_property
    def identified(self) -> Identification:
        """What its rows are."""
        return identify(self.table.float())

    @cached_property
    def learned(self) -> list[str]:
        """The names of weights that an optimiser would change."""
        return (
            [name for name, weight in self.first.named_parameters() if weight.requires_grad] if self.is_module else []
        )

    @cached_property
    def rows_are_learned(self) -> bool:
        """Whether the rows are weights that training has made, or will make."""
        weights = dict(self.first.named_parameters()) if self.is_module else {}
        large = any(weights[name].numel() >= 2 * self.d_model for name in self.learned)
        return large and not self.identified.sinusoidal

    @cached_property
    def scale(self) -> float:
        """By what the input is multiplied before the encoding is added; 0 where the encoding comes alone."""
        layer, x = self.new(), torch.randn(2, 5, self.d_model).to(self.device)
        added = self.output(x, layer) - self.output(torch.zeros_like(x), layer)
        scale = float((added * x).sum() / (x * x).sum())
        if not float((added - scale * x).abs().max()) <= TOLERANCE * max(1.0, abs(scale)):
            return math.nan
        return 0.0 if abs(scale) < TOLERANCE else scale
