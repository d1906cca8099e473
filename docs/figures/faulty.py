# ruff: noqa: D101, D102 - a name of the page says what each fault is
"""Each fault of the page Bugs seen in the wild as a layer, and what `check_layer` says of it."""

import html
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

import pe
from pe.doctor.checking import Finding


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
        angles = self.positions(x, offset).double()[:, None] * self.omega(x.device)
        return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, : self.d_model]

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


class WrongAxis(Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        column = torch.arange(self.d_model, device=x.device)
        angles = self.positions(x, offset)[:, None] / 10_000 ** (column // 2 * 2 / self.d_model)
        angles[::2], angles[1::2] = angles[::2].sin(), angles[1::2].cos()
        return angles


class Integers(Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        return super().rows(x, offset).to(self.positions(x, offset).dtype)


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
        self.register_buffer("kept", super().omega(torch.device("cpu")).float(), persistent=False)

    def omega(self, device: torch.device) -> Tensor:
        return self.get_buffer("kept").float()


class NoOffset(Right):
    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x)


class OddCrashes(Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        rows = torch.zeros(x.shape[1], self.d_model, device=x.device)
        angles = self.positions(x, offset)[:, None] * self.omega(x.device)
        rows[:, 0::2], rows[:, 1::2] = angles.sin(), angles.cos()
        return rows


class NotANumber(Right):
    def omega(self, device: torch.device) -> Tensor:
        pairs = torch.arange((self.d_model + 1) // 2, device=device, dtype=torch.float64)
        return 10_000 ** (-pairs / torch.tensor(self.d_model / 2 - 1))


class MaxLen(Right):
    max_len = 5000

    def rows(self, x: Tensor, offset: int) -> Tensor:
        table = super().rows(x.new_zeros(1, self.max_len, 1), 0)
        return table[offset : offset + x.shape[1]]


class OtherLayout(Right):
    def rows(self, x: Tensor, offset: int) -> Tensor:
        rows = super().rows(x, offset)
        return torch.cat([rows[:, 0::2], rows[:, 1::2]], dim=1)


class Embedding(Right):
    def __init__(self, d_model: int) -> None:
        super().__init__(d_model)
        self.embedding = nn.Embedding(2**14, d_model, _weight=super().rows(torch.zeros(1, 2**14, 1), 0).float())
        self.embedding.weight.requires_grad = False

    def rows(self, x: Tensor, offset: int) -> Tensor:
        rows: Tensor = self.embedding(self.positions(x, offset))
        return rows


class Saved(Right):
    def __init__(self, d_model: int) -> None:
        super().__init__(d_model)
        self.register_buffer("pe", super().rows(torch.zeros(1, 2**14, 1), 0).float())

    def rows(self, x: Tensor, offset: int) -> Tensor:
        return self.get_buffer("pe")[offset : offset + x.shape[1]]


FAULTS: dict[str, Callable[[int], nn.Module]] = {
    "The exponent counts columns instead of pairs": ColumnForPair,
    "An integer division in the exponent": IntegerDivision,
    "A lost minus": LostMinus,
    "Slices on the wrong axis": WrongAxis,
    "Entries cast to integers": Integers,
    "Past equal to future": PastAsFuture,
    "Batch and sequence swapped": Swapped,
    "Positions in a short format": PositionsInDtype,
    "Frequencies cast with the model": FrequencyBuffer,
    "Every token at position 0": NoOffset,
    "An odd width": OddCrashes,
    "NaN at width 2": NotANumber,
    "Longer than max_len": MaxLen,
    "The layout of another library": OtherLayout,
    "The table is initialised away": Embedding,
    "The table in the checkpoint": Saved,
}


def broken(fault: str) -> list[Finding]:
    """Return what is wrong with the layer that has this fault, or limited, causes before their consequences."""
    findings = pe.check_layer(FAULTS[fault], 64)
    found = [finding for finding in findings.laws if finding.grade in ("wrong numbers", "limits")]
    return sorted(found, key=lambda finding: finding.cause is not None)


def says(fault: str) -> None:
    """Print, for a page, what `check_layer` says of the layer with this fault."""
    found = broken(fault)
    causes = [finding for finding in found if finding.fault == fault and not finding.cause]
    words = "; ".join(f"{finding.grade}, <em>{finding.law}</em>: {html.escape(finding.seen)}" for finding in causes)
    if not causes:
        rows = next(finding for finding in pe.check_layer(FAULTS[fault], 64).laws if finding.law == "rows")
        words = f"kept, <em>rows</em>: {html.escape(rows.seen)}"
    others = [finding.law for finding in found if finding.cause in {cause.law for cause in causes}]
    also = f". So also broken: {', '.join(f'<em>{law}</em>' for law in others)}" if others else ""
    who = '<a href="../doctor/"><code>check_layer</code></a> says:'
    print(f'<p class="said">{who} <span lang="en">{words}{also}.</span></p>')


def matrix() -> None:
    """Print, for a page, which law notices which fault."""
    seen = {fault: {finding.law: finding for finding in broken(fault)} for fault in FAULTS}
    laws = [finding.law for finding in pe.check_layer(Right, 64).laws]
    laws = [law for law in laws if any(law in found for found in seen.values())]
    print('<div class="matrix md-typeset__scrollwrap" tabindex="0"><div class="md-typeset__table">')
    print('<table><thead><tr><th scope="col">Fault</th>')
    print("".join(f'<th scope="col"><span>{law}</span></th>' for law in laws), "</tr></thead><tbody>")
    for fault, found in seen.items():
        cells = [_cell(found.get(law), fault) for law in laws]
        print(f'<tr><th scope="row">{html.escape(fault)}</th>{"".join(cells)}</tr>')
    print("</tbody></table></div></div>")


def _cell(finding: Finding | None, fault: str) -> str:
    """Return a dot where a law is broken: full where that names the fault, hollow where it follows or is beside it."""
    if finding is None:
        return "<td></td>"
    names = finding.fault == fault and not finding.cause
    return f'<td><span role="img" aria-label="{"named" if names else "broken"}">{"●" if names else "○"}</span></td>'
