"""Somebody's own layer, made and called in the ways that the laws look at."""

import bisect
import copy
import itertools
import math
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pe.doctor.faults import Fault
from pe.doctor.identify import Identification, identify

ROWS = 600  # rows that are looked at: bfloat16 lacks position 257, and frequencies of 8 bits have drifted by then
FAR = 2**14  # a layer that takes as many positions is said to take any number
PATIENCE = 1.0  # seconds of computing after which no longer sequence is tried
TOLERANCE = 1e-4  # how far apart float32 may lead two ways to the same rows, for entries that reach 1

Grade = Literal["wrong numbers", "limits", "remarks", "kept", "not tried"]


class Broken(Exception):  # noqa: N818 - no error of ours
    """How a law is broken: how bad that is, what was seen, and the heading of the fault on the page of bugs."""

    def __init__(self, grade: Grade, seen: str, fault: Fault | None = None) -> None:
        super().__init__(seen)
        self.grade, self.seen, self.fault = grade, seen, fault


def said(error: Exception) -> str:
    """Return the name of an error and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def difference(x: Tensor, y: Tensor) -> float:
    """Return the largest difference; NaN if there is one."""
    return float((x.double() - y.double()).abs().max()) if x.numel() else 0.0


class Called(nn.Module):
    """A layer, or a function, as it is called on `x`, to whose shape its result is broadcast."""

    def __init__(self, layer: Any, call: Callable[..., Tensor]) -> None:
        super().__init__()
        self.layer, self.call = layer, call

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of `x`."""
        y = self.call(self.layer, x.clone())
        if not isinstance(y, Tensor):
            raise TypeError(f"the layer returned {type(y).__name__}, not a tensor")
        return y.expand(x.shape).clone()


class Layer:
    """The code to be checked: makes layers, and keeps what several laws look at."""

    def __init__(self, make: Any, d_model: int, call: Callable[..., Tensor]) -> None:
        self.make, self.d_model, self.call = make, d_model, call
        self.any_width = not isinstance(make, nn.Module)

    def _made(self, d_model: int) -> Called:
        torch.manual_seed(0)
        return Called(self.make(d_model) if self.any_width else self.make, self.call)

    @cached_property
    def first(self) -> Called:
        """A layer that is never called."""
        return self._made(self.d_model)

    @cached_property
    def is_module(self) -> bool:
        """Whether it is an nn.Module, and no function."""
        return isinstance(self.first.layer, nn.Module)

    def new(self, d_model: int | None = None) -> Called:
        """Return a new layer in evaluation mode, with the same random numbers as every other."""
        one = self._made(d_model or self.d_model)
        if one.layer is self.first.layer:
            one = copy.deepcopy(one)  # it is finished, or a function returns the same layer each time
        return one.eval()

    def zeros(self, batch: int, seq_len: int, d_model: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return zeros on the device of the layer, as wide as it is if no other width is given."""
        held = itertools.chain(self.first.parameters(), self.first.buffers())
        device = next(held, torch.empty(0)).device
        return torch.zeros(batch, seq_len, d_model or self.d_model, dtype=dtype, device=device)

    def random(self) -> Tensor:
        """Return two sentences of random embeddings."""
        return torch.randn_like(self.zeros(2, 5))

    def rows(self, seq_len: int, one: Called | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return the rows of so many positions, as they come out where zeros go in."""
        rows: Tensor = (one or self.new())(self.zeros(1, seq_len, dtype=dtype))[0]
        return rows.detach()

    @cached_property
    def longest(self) -> tuple[int, str]:
        """The longest sequence that is taken, and what happens to a longer one: "" if none was refused."""

        def refused(seq_len: int) -> str:
            try:
                self.rows(seq_len)
            except Exception as error:
                return said(error)
            return ""

        seq_len, why, until = 2, "", time.process_time() + PATIENCE
        while seq_len < FAR and time.process_time() < until and not (why := refused(2 * seq_len)):
            seq_len *= 2
        if why:
            seq_len += bisect.bisect(range(seq_len + 1, 2 * seq_len), False, key=lambda n: bool(refused(n)))
            why = refused(seq_len + 1)
        return seq_len, why

    @cached_property
    def table(self) -> Tensor:
        """The rows of positions from 0 on, in float64."""
        return self.rows(min(ROWS, self.longest[0])).double()

    @cached_property
    def largest(self) -> float:
        """The largest entry of the table; 1 for the paper's encoding."""
        return float(self.table.abs().max()) or 1.0

    def compare(self, rows: Tensor, what: str, fault: Fault | None = None) -> None:
        """Let a law be broken if rows are further from those of the table than float32 leads astray."""
        off = difference(rows, self.table[: len(rows)])
        if not off <= TOLERANCE * self.largest:
            raise Broken("wrong numbers", f"{what}: off by {off:.2g}", fault)

    @cached_property
    def identified(self) -> Identification:
        """What its rows are."""
        return identify(self.table.float())

    @cached_property
    def learned(self) -> dict[str, Tensor]:
        """Weights that an optimiser would change, by name."""
        weights = self.first.named_parameters()
        return {name.removeprefix("layer."): weight for name, weight in weights if weight.requires_grad}

    def large(self, tensor: Tensor) -> bool:
        """Return whether a tensor may be the table: holds two rows or more."""
        return tensor.numel() >= 2 * self.d_model

    @cached_property
    def rows_are_learned(self) -> bool:
        """Whether the rows are weights that training has made, or will make."""
        return any(map(self.large, self.learned.values())) and not self.identified.sinusoidal

    @cached_property
    def scale(self) -> float:
        """By what the input is multiplied before the encoding is added; 0 where the encoding comes alone."""
        one, x = self.new(), self.random()
        added = one(x) - one(torch.zeros_like(x))
        scale = float((added * x).sum() / (x * x).sum())
        if not difference(added, scale * x) <= TOLERANCE * max(1.0, abs(scale)):
            return math.nan
        return 0.0 if abs(scale) < TOLERANCE else scale
