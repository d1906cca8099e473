"""`check_layer` on layers of which it is known what is wrong with them."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pe
from pe._laws import LAWS
from tests.conftest import ROOT

HEADINGS = [line[3:].strip() for line in (ROOT / "docs/bugs.md").read_text(encoding="utf-8").splitlines() if line[:3] == "## "]


def frequencies(d_model: int) -> Tensor:
    """Return the frequencies without anything of the package."""
    return 10_000 ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)


def table(positions: Tensor, omega: Tensor) -> Tensor:
    """Return the rows of positions in float32, interleaved, without anything of the package."""
    angles = positions.double()[:, None] * omega
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1).float()


class Right(nn.Module):
    """A layer without a fault; each of the others changes what is named in it."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.d_model = d_model

    def positions(self, x: Tensor, offset: int) -> Tensor:
        return torch.arange(x.shape[1], device=x.device) + offset

    def omega(self, device: torch.device) -> Tensor:
        return 10_000 ** (-torch.arange(0, self.d_model, 2, dtype=torch.float64, device=device) / self.d_model)

    def rows(self, x: Tensor, offset: int) -> Tensor:
        return table(self.positions(x, offset), self.omega(x.device))[:, : self.d_model]

    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return x + self.rows(x, offset).to(x)


class ColumnForPair(Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        column = torch.arange(self.d_model, device=x.device)
        angles = self.positions(x, offset)[:, None] / 10_000 ** (2 * column / self.d_model)
        return torch.where(column % 2 == 0, angles.sin(), angles.cos())


class IntegerDivision(Right):
    def omega(self, device: torch.device) -> Tensor:
        return torch.exp(torch.arange(0, self.d_model, 2, device=device) * (-math.log(10_000) / self.d_model // 2))


class LostMinus(Right):
    def omega(self, device: torch.device) -> Tensor:
        return 1 / super().omega(device)


class Integers(Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        return super().rows(x, offset).long().float()


class WrongAxis(Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        column = torch.arange(self.d_model, device=x.device)
        angles = self.positions(x, offset)[:, None] / 10_000 ** (column // 2 * 2 / self.d_model)
        angles[::2], angles[1::2] = angles[::2].sin(), angles[1::2].cos()
        return angles


class PastAsFuture(Right):
    def positions(self, x: Tensor, offset: int) -> Tensor:
        return (super().positions(x, offset) - 250).abs()


class Swapped(Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return x + self.rows(x.transpose(0, 1), offset).to(x)[:, None]


class PositionsInDtype(Right):
    def positions(self, x: Tensor, offset: int) -> Tensor:
        return super().positions(x, offset).to(x.dtype)


class FrequencyBuffer(Right):
    def __init__(self, d_model: int) -> None:
        super().__init__(d_model)
        self.register_buffer("kept", frequencies(d_model).float(), persistent=False)

    def omega(self, device: torch.device) -> Tensor:
        return self.kept.float()  # type: ignore[operator, no-any-return]


class OffsetUnused(Right):
    def positions(self, x: Tensor, offset: int) -> Tensor:
        return super().positions(x, 0)


class OffsetByOne(Right):
    def positions(self, x: Tensor, offset: int) -> Tensor:
        return super().positions(x, offset + (offset > 0))


class OddCrashes(Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        rows = torch.zeros(x.shape[1], self.d_model, device=x.device)
        angles = self.positions(x, offset)[:, None] * self.omega(x.device)
        rows[:, 0::2], rows[:, 1::2] = angles.sin(), angles.cos()
        return rows


class OddZero(Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        angles = self.positions(x, offset)[:, None] * frequencies(self.d_model // 2 * 2).to(x.device)
        return functional.pad(torch.cat([angles.sin(), angles.cos()], dim=1), (0, self.d_model % 2)).float()


class NextEven(Right):
    def omega(self, device: torch.device) -> Tensor:
        return frequencies(self.d_model + self.d_model % 2).to(device)


class Divides(Right):
    def omega(self, device: torch.device) -> Tensor:
        pairs = torch.arange((self.d_model + 1) // 2, device=device, dtype=torch.float64)
        return torch.exp(pairs * -(math.log(10_000) / (self.d_model / 2 - 1)))


class NotANumber(Right):
    def omega(self, device: torch.device) -> Tensor:
        pairs = torch.arange((self.d_model + 1) // 2, device=device, dtype=torch.float64)
        return 10_000 ** (-pairs / torch.tensor(self.d_model / 2 - 1))


class Infinite(Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        return super().rows(x, offset) + self.positions(x, offset).log()[:, None].clamp(max=0)


class MaxLen(Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        return table(torch.arange(700, device=x.device), self.omega(x.device))[offset : offset + x.shape[1], : x.shape[2]]


class Truncates(MaxLen):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return self.rows(x, offset).to(x)


class Clamps(Right):
    def positions(self, x: Tensor, offset: int) -> Tensor:
        return super().positions(x, offset).clamp(max=511)


class Frozen(Right):
    def __init__(self, d_model: int) -> None:
        super().__init__(d_model)
        rows = table(torch.arange(2000), frequencies(d_model))[:, :d_model]
        self.embedding = nn.Embedding.from_pretrained(rows)

    def rows(self, x: Tensor, offset: int) -> Tensor:
        return self.embedding(self.positions(x, offset))  # type: ignore[no-any-return]


class Trained(Frozen):
    def __init__(self, d_model: int) -> None:
        super().__init__(d_model)
        self.embedding.weight.requires_grad = True


class Saved(Right):
    def __init__(self, d_model: int) -> None:
        super().__init__(d_model)
        self.register_buffer("pe", table(torch.arange(20_000), frequencies(d_model))[:, :d_model])

    def rows(self, x: Tensor, offset: int) -> Tensor:
        return self.pe[offset : offset + x.shape[1]]  # type: ignore[index, no-any-return]


class StaysBehind(Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return x + self.rows(x.new_zeros(x.shape, device="cpu"), offset).to(x.dtype)


class Overwrites(Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        x += self.rows(x, offset).to(x)
        return x


class AlwaysDrops(Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return functional.dropout(super().forward(x, offset), 0.1)


class CachedByShape(Right):
    cached: Tensor | None = None

    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        if offset:
            return super().forward(x, offset)
        if self.cached is None or self.cached.shape != x.shape:
            self.cached = self.rows(x, offset).to(x).expand(x.shape)
        return x + self.cached


class Counts(Right):
    seen = 0

    def positions(self, x: Tensor, offset: int) -> Tensor:
        self.seen += 1
        return super().positions(x, offset + self.seen - 1)


class NoGradient(Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return super().forward(x.detach(), offset)


class AcrossSentences(Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        rows = self.rows(x.flatten(0, 1)[None], offset)
        return x + rows.view(x.shape).to(x)


class ByLength(Right):
    def positions(self, x: Tensor, offset: int) -> Tensor:
        return super().positions(x, offset) * (100 / x.shape[1])


class Nothing(Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return x * self.rows(x, offset).to(x)


class TwoResults(Right):
    def forward(self, x: Tensor, offset: int = 0) -> Any:
        return super().forward(x, offset), offset


class OneShort(Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return super().forward(x, offset)[:, 1:]


class ReadsValues(Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return super().forward(x, offset) if x.abs().max().item() >= 0 else x


class NotPickled(Right):
    def __init__(self, d_model: int) -> None:
        super().__init__(d_model)
        self.function = lambda x: x


class Normed(Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return super().forward(torch.tanh(x), offset)


class Noise(Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        torch.manual_seed(0)
        return torch.randn(20_000, self.d_model, device=x.device)[offset : offset + x.shape[1]]


class Learned(Right):
    def __init__(self, d_model: int) -> None:
        super().__init__(d_model)
        self.weight = nn.Parameter(torch.randn(20_000, d_model))

    def rows(self, x: Tensor, offset: int) -> Tensor:
        return self.weight[offset : offset + x.shape[1]]


class LearnedScale(Right):
    def __init__(self, d_model: int) -> None:
        super().__init__(d_model)
        self.alpha = nn.Parameter(torch.ones(()))

    def rows(self, x: Tensor, offset: int) -> Tensor:
        return super().rows(x, offset) * self.alpha


W, L, R = "wrong numbers", "limits", "remarks"
FAULTY: list[tuple[type[Right], str, str, str | None]] = [  # the grade, the law, and the fault on the page of bugs
    (ColumnForPair, W, "rows", "The exponent counts columns instead of pairs"),
    (IntegerDivision, W, "rows", "An integer division in the exponent"),
    (LostMinus, W, "rows", "The minus of the exponent lost"),
    (Integers, W, "rows", "The table cast to integers"),
    (WrongAxis, W, "rows", "Slices on the wrong axis"),
    (PastAsFuture, W, "rows", "Past equal to future"),
    (Noise, W, "rows", None),
    (Swapped, W, "tokens differ", "Batch and sequence swapped"),
    (Nothing, W, "tokens differ", None),
    (AcrossSentences, W, "tokens differ", None),
    (PositionsInDtype, W, "bfloat16", "Positions in bfloat16"),
    (FrequencyBuffer, W, "bfloat16", "Frequencies cast with the model"),
    (OffsetUnused, W, "token by token", "Every token at position 0"),
    (OffsetByOne, W, "token by token", "Every token at position 0"),
    (OddCrashes, L, "odd width", "An odd width"),
    (OddZero, L, "odd width", "An odd width"),
    (NextEven, R, "odd width", "An odd width"),
    (Divides, L, "width 2", "NaN at width 2"),
    (NotANumber, W, "width 2", "NaN at width 2"),
    (Infinite, W, "finite", None),
    (MaxLen, L, "any length", "Longer than max_len"),
    (Truncates, L, "any length", "Longer than max_len"),
    (Clamps, W, "rows", None),
    (Frozen, W, "initialisation", "The table is initialised away"),
    (Trained, W, "not trained", "The table is initialised away"),
    (Saved, L, "checkpoint", "The table in the checkpoint"),
    (StaysBehind, L, "moves", None),
    (Overwrites, W, "input left alone", None),
    (AlwaysDrops, W, "same twice", None),
    (CachedByShape, W, "no memory", None),
    (Counts, W, "same twice", None),
    (NoGradient, W, "gradient", None),
    (ByLength, W, "longer begins alike", None),
    (TwoResults, W, "shape", None),
    (OneShort, W, "shape", None),
    (ReadsValues, L, "export", None),
    (NotPickled, R, "copies", None),
    (Normed, R, "adds", None),
    (Learned, R, "rows", None),
    (LearnedScale, R, "not trained", None),
]


@pytest.mark.parametrize(("make", "grade", "law", "fault"), FAULTY, ids=lambda value: getattr(value, "__name__", None))
def test_names_the_fault(make: type[Right], grade: str, law: str, fault: str | None) -> None:
    findings = pe.check_layer(make, 64)
    found = {finding.law: finding for finding in findings.laws}
    assert (found[law].grade, found[law].fault, found[law].cause) == (grade, fault, None), str(findings)
    assert [finding.law for finding in findings.wrong] == ([law] if grade == W else [])


@pytest.mark.parametrize("make", [Right, pe.PositionalEncoding])
@pytest.mark.parametrize("d_model", [4, 64, 65])
def test_finds_nothing_in_a_right_layer(make: Any, d_model: int) -> None:
    findings = pe.check_layer(make, d_model)
    assert not (findings.wrong or findings.limits or findings.remarks), str(findings)
    assert {finding.law for finding in findings.laws} == {name for name, _, _ in LAWS}
