"""`check_layer` on layers of which it is known what is wrong with them."""

import copy
import math
from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pe
from docs.figures import faulty
from pe.doctor.faults import Fault
from pe.doctor.laws import LAWS
from tests.conftest import ROOT, since

PAGE = (ROOT / "docs/bugs.md").read_text(encoding="utf-8")
HEADINGS = [line.lstrip("# ").replace("`", "") for line in PAGE.splitlines() if line.startswith(("## ", "### "))]


class OffsetUnused(faulty.Right):
    def positions(self, x: Tensor, offset: int) -> Tensor:
        return super().positions(x, 0)


class OffsetByOne(faulty.Right):
    def positions(self, x: Tensor, offset: int) -> Tensor:
        return super().positions(x, offset + (offset > 0))


class OddZero(faulty.Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        even = self.d_model // 2 * 2
        omega = 10_000 ** (-torch.arange(0, even, 2, device=x.device) / even)
        angles = self.positions(x, offset)[:, None] * omega
        return functional.pad(torch.cat([angles.sin(), angles.cos()], dim=1), (0, self.d_model % 2))


class NextEven(faulty.Right):
    def omega(self, device: torch.device) -> Tensor:
        even = self.d_model + self.d_model % 2
        return 10_000 ** (-torch.arange(0, even, 2, dtype=torch.float64, device=device) / even)


class Divides(faulty.Right):
    def omega(self, device: torch.device) -> Tensor:
        pairs = torch.arange((self.d_model + 1) // 2, device=device, dtype=torch.float64)
        return torch.exp(pairs * -(math.log(10_000) / (self.d_model / 2 - 1)))


class Infinite(faulty.Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        return super().rows(x, offset) + self.positions(x, offset).log()[:, None].clamp(max=0)


class Truncates(faulty.MaxLen):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return self.rows(x, offset).to(x)


class Clamps(faulty.Right):
    def positions(self, x: Tensor, offset: int) -> Tensor:
        return super().positions(x, offset).clamp(max=511)


class Trained(faulty.Embedding):
    def __init__(self, d_model: int) -> None:
        super().__init__(d_model)
        self.embedding.weight.requires_grad = True


class StaysBehind(faulty.Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return x + self.rows(x.new_zeros(x.shape, device="cpu"), offset).to(x.dtype)


class Overwrites(faulty.Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        x += self.rows(x, offset).to(x)
        return x


class AlwaysDrops(faulty.Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return functional.dropout(super().forward(x, offset), 0.1)


class CachedByShape(faulty.Right):
    cached: Tensor | None = None

    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        if offset:
            return super().forward(x, offset)
        if self.cached is None or self.cached.shape != x.shape:
            self.cached = self.rows(x, offset).to(x).expand(x.shape)
        return x + self.cached


class Counts(faulty.Right):
    seen = 0

    def positions(self, x: Tensor, offset: int) -> Tensor:
        self.seen += 1
        return super().positions(x, offset + self.seen - 1)


class NoGradient(faulty.Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return super().forward(x.detach(), offset)


class AcrossSentences(faulty.Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        rows = self.rows(x.flatten(0, 1)[None], offset)
        return x + rows.view(x.shape).to(x)


class ByLength(faulty.Right):
    def positions(self, x: Tensor, offset: int) -> Tensor:
        return super().positions(x, offset) * (100 / x.shape[1])


class Nothing(faulty.Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return x * self.rows(x, offset).to(x)


class TwoResults(faulty.Right):
    def forward(self, x: Tensor, offset: int = 0) -> Any:
        return super().forward(x, offset), offset


class OneShort(faulty.Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return super().forward(x, offset)[:, 1:]


class ReadsValues(faulty.Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return super().forward(x, offset) if x.abs().max().item() >= 0 else x


class NotPickled(faulty.Right):
    def __init__(self, d_model: int) -> None:
        super().__init__(d_model)
        self.function = lambda x: x


class Normed(faulty.Right):
    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        return super().forward(torch.tanh(x), offset)


class Noise(faulty.Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        torch.manual_seed(0)
        return torch.randn(20_000, self.d_model, device=x.device)[offset : offset + x.shape[1]]


class Learned(faulty.Right):
    def __init__(self, d_model: int) -> None:
        super().__init__(d_model)
        self.weight = nn.Parameter(torch.randn(20_000, d_model))

    def rows(self, x: Tensor, offset: int) -> Tensor:
        return self.weight[offset : offset + x.shape[1]]


class LearnedScale(faulty.Right):
    def __init__(self, d_model: int) -> None:
        super().__init__(d_model)
        self.alpha = nn.Parameter(torch.ones(()))

    def rows(self, x: Tensor, offset: int) -> Tensor:
        return super().rows(x, offset) * self.alpha


W, L, R = "wrong numbers", "limits", "remarks"
# A layer with one fault; how bad it is, the law that notices it, and its heading on the page of bugs.
FAULTY: list[tuple[Callable[[int], nn.Module], str, str, str | None]] = [
    (faulty.ColumnForPair, W, "rows", "The exponent counts columns instead of pairs"),
    (faulty.IntegerDivision, W, "rows", "An integer division in the exponent"),
    (faulty.LostMinus, W, "rows", "A lost minus"),
    (faulty.Integers, W, "rows", "Entries cast to integers"),
    (faulty.WrongAxis, W, "rows", "Slices on the wrong axis"),
    (faulty.PastAsFuture, W, "rows", "Past equal to future"),
    (Noise, W, "rows", None),
    (faulty.Swapped, W, "tokens differ", "Batch and sequence swapped"),
    (Nothing, W, "tokens differ", None),
    (AcrossSentences, W, "tokens differ", None),
    (faulty.PositionsInDtype, W, "bfloat16", "Positions in a short format"),
    (faulty.FrequencyBuffer, W, "bfloat16", "Frequencies cast with the model"),
    (OffsetUnused, W, "token by token", "Every token at position 0"),
    (OffsetByOne, W, "token by token", "Every token at position 0"),
    (faulty.OddCrashes, L, "odd width", "An odd width"),
    (OddZero, L, "odd width", "An odd width"),
    (NextEven, R, "odd width", "An odd width"),
    (Divides, L, "width 2", "NaN at width 2"),
    (faulty.NotANumber, W, "width 2", "NaN at width 2"),
    (Infinite, W, "finite", None),
    (faulty.MaxLen, L, "any length", "Longer than max_len"),
    (Truncates, L, "any length", "Longer than max_len"),
    (Clamps, W, "no row twice", None),
    (faulty.Embedding, W, "initialisation", "The table is initialised away"),
    (Trained, W, "not trained", "The table is initialised away"),
    (faulty.Saved, L, "checkpoint", "The table in the checkpoint"),
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
def test_names_the_fault(make: Callable[[int], nn.Module], grade: str, law: str, fault: str | None) -> None:
    findings = pe.check_layer(make, 64)
    found = {finding.law: finding for finding in findings.laws}
    assert (found[law].grade, found[law].fault, found[law].cause) == (grade, fault, None), str(findings)
    assert [finding.law for finding in findings.wrong] == ([law] if grade == W else [])


@pytest.mark.parametrize("make", [faulty.Right, pe.PositionalEncoding])
@pytest.mark.parametrize("d_model", [4, 64, 65])
def test_finds_nothing_in_a_right_layer(make: Any, d_model: int) -> None:
    findings = pe.check_layer(make, d_model)
    assert (findings.wrong, findings.limits, findings.remarks) == ((), (), ()), str(findings)
    assert {finding.law for finding in findings.laws} == {name for name, _, _ in LAWS}


def table(seq_len: int, d_model: int) -> Tensor:
    """Return the encoding in plain torch, without anything of the package."""
    position = torch.arange(seq_len, dtype=torch.float64)[:, None]
    column = torch.arange(d_model)
    angle = position / 10_000 ** (column // 2 * 2 / d_model)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos()).float()


@since("2.5", "a range of a length that varies is exported")
def test_finds_nothing_in_a_right_function() -> None:
    findings = pe.check_layer(lambda _: table, 64, call=lambda f, x: x + f(x.shape[1], x.shape[2]).to(x))
    assert (findings.wrong, findings.limits, findings.remarks) == ((), (), ()), str(findings)


class Tutorial(nn.Module):
    def __init__(self, d_model: int, dropout: float = 0.1, max_len: int = 5000) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        position = torch.arange(max_len)[:, None]
        div_term = torch.exp(torch.arange(0, d_model, 2) * -(math.log(10_000.0) / d_model))
        rows = torch.zeros(max_len, d_model)
        rows[:, 0::2], rows[:, 1::2] = torch.sin(position * div_term), torch.cos(position * div_term)
        self.register_buffer("pe", rows[None])

    def forward(self, x: Tensor) -> Any:
        return self.dropout(x + self.get_buffer("pe")[:, : x.shape[1]])


def test_knows_the_limits_of_the_tutorial() -> None:
    findings = pe.check_layer(Tutorial, 64)
    assert (findings.wrong, findings.remarks) == ((), ())
    limits = {"any length", "token by token", "odd width", "checkpoint"}
    older = {"export"} if torch.__version__ < "2.8" else set()  # a slice whose length varies
    assert limits <= {limit.law for limit in findings.limits} <= limits | older
    assert "5,000" in next(limit.seen for limit in findings.limits if limit.law == "any length")
    finished = pe.check_layer(Tutorial(64), 64)
    assert {finding.law for finding in finished.of("not tried")} == {"odd width", "width 2"}


def test_faults_are_headings_of_the_page() -> None:
    others = {"The layout of another library", "Faults that a table shows", "Which law notices which fault"}
    assert set(HEADINGS) == set(get_args(Fault)) | others
    assert len(HEADINGS) == len(set(HEADINGS))
    assert set(faulty.FAULTS) <= set(HEADINGS)


@pytest.mark.parametrize("fault", faulty.FAULTS)
def test_every_fault_of_the_page_is_named(fault: str) -> None:
    findings = pe.check_layer(faulty.FAULTS[fault], 64)
    assert (fault in findings.faults) == (fault != "The layout of another library"), str(findings)


def test_leaves_everything_as_it_was() -> None:
    layer = Tutorial(64).train()
    before = copy.deepcopy(layer.state_dict())
    torch.set_default_dtype(torch.float64)
    try:
        torch.manual_seed(7)
        wanted = torch.rand(3)
        torch.manual_seed(7)
        findings = pe.check_layer(layer, 64)
        assert torch.equal(torch.rand(3), wanted)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert not findings.wrong
    assert torch.is_grad_enabled()
    assert layer.training
    assert layer.dropout.training
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
    with torch.inference_mode():
        assert not pe.check_layer(faulty.Right, 8).wrong


def test_a_layer_that_a_function_returns_each_time_is_not_changed() -> None:
    layer = Tutorial(64)
    assert not pe.check_layer(lambda _: layer, 64).wrong
    assert layer.get_buffer("pe").dtype == torch.float32
    assert layer.training


def test_raises_for_a_test_suite() -> None:
    with pytest.raises(AssertionError, match=r"(?s)tokens differ .*Bugs: Batch and sequence swapped"):
        pe.check_layer(faulty.Swapped, 64, raise_on_error=True)
    pe.check_layer(Tutorial, 64, raise_on_error=True)  # limits raise nothing


def test_what_a_layer_raises_is_told() -> None:
    class Breaks(faulty.Right):
        def forward(self, x: Tensor, offset: int = 0) -> Tensor:
            if x.dtype == torch.float16 or offset:
                raise KeyError("no such thing")
            return super().forward(x, offset)

    found = {finding.law: finding for finding in pe.check_layer(Breaks, 64).laws}
    for law in ("float16", "token by token"):
        assert found[law].grade == "limits"
        assert "KeyError: 'no such thing'" in found[law].seen

    def broken(d_model: int) -> nn.Module:
        raise OSError("no file")

    (told,) = pe.check_layer(broken, 64).laws
    assert (told.grade, told.seen) == ("wrong numbers", "OSError: no file")


def test_consequences_are_listed_under_their_cause() -> None:
    findings = pe.check_layer(faulty.Swapped, 64)
    also = {finding.law for finding in findings.laws if finding.cause == "tokens differ"}
    assert {"rows", "no row twice"} <= also
    lines = str(findings).splitlines()
    assert lines[0] == "wrong numbers"
    assert lines[1].split()[:2] == ["tokens", "differ"]
    assert max(map(len, lines)) <= 80
    for finding in findings.laws:
        assert sum(line.startswith(f"  {finding.law} ") for line in lines) == (finding.cause is None)


def test_an_offset_may_have_another_name() -> None:
    class Starts(faulty.Right):
        def forward(self, x: Tensor, start: int = 0) -> Tensor:
            return super().forward(x, start)

    def call(layer: Any, x: Tensor, offset: int = 0) -> Any:
        return layer(x, start=offset)

    assert [limit.law for limit in pe.check_layer(Starts, 64).limits] == ["token by token"]
    assert not pe.check_layer(Starts, 64, call=call).limits


@pytest.mark.parametrize(
    ("make", "d_model", "options", "error", "message"),
    [
        (None, 64, {}, TypeError, "make must be callable, got NoneType"),
        (faulty.Right, 64, {"call": 3}, TypeError, "call must be callable, got int"),
        (faulty.Right, 0, {}, ValueError, "d_model must be at least 1, got 0"),
        (faulty.Right, 64.0, {}, TypeError, "d_model must be an integer, got"),
    ],
)
def test_bad_arguments_are_named(make: Any, d_model: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pe.check_layer(make, d_model, **options)
