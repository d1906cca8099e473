"""Claims: what is said about the encoding, as functions that measure whether it is true.

A claim is what readers have heard. Its function measures; its evidence says which number speaks for the statement,
which against it, and within which bounds each must lie. The verdict follows from the evidence, and must be the one
that the claim declares.
"""

import inspect
import json
import math
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["true", "false", "depends"]
Measure = Callable[[], Sequence[float]]


@dataclass(frozen=True)
class Evidence:
    """A number that is measured, and the bounds that it must keep to."""

    label: str
    supports: bool
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Return whether `value` keeps to the bounds; NaN does not."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Claim:
    """A statement, what is true of it, and how that is known."""

    statement: str
    verdict: Verdict
    answer: str
    conditions: str
    source: str
    explained: str
    evidence: Sequence[Evidence]
    measure: Measure

    @property
    def id(self) -> str:
        """The name of its function, as an anchor."""
        return self.measure.__name__.replace("_", "-")

    def check(self, values: Sequence[float]) -> list[str]:
        """Return what `values` contradict; empty if the claim holds."""
        if len(values) != len(self.evidence):
            return [
                f"{len(values)} numbers for {len(self.evidence)} pieces of evidence"
            ]
        wrong = [
            f"{evidence.label}: {value:.6g} is not within {evidence.low:.6g} and {evidence.high:.6g}"
            for evidence, value in zip(self.evidence, values, strict=True)
            if not evidence.holds(value)
        ]
        sides = {evidence.supports for evidence in self.evidence}
        follows = (
            "depends"
            if len(sides) == 2
            else "true"
            if True in sides
            else "false"
        )
        if follows != self.verdict:
            wrong.append(
                f"the evidence says {follows}, the claim {self.verdict}"
            )
        return wrong


CLAIMS: dict[str, Claim] = {}


def claim(
    statement: str,
    verdict: Verdict,
    answer: str,
    *,
    conditions: str,
    source: str,
    explained: str,
    evidence: list[Evidence],
) -> Callable[[Measure], Measure]:
    """Register a function that measures the numbers of `evidence`, in that order.

    Args:
        statement: What is said, in a sentence.
        verdict: Whether it is true, false, or depends on something that `answer` names.
        answer: What is true; `{0}` is the first number, and so on.
        conditions: What the answer holds for.
        source: Where it is said, with a link to a source that was opened; or that it is often heard, or why it follows.
        explained: Page and heading that explain it; the page carries the claim's mark.
        evidence: One entry for each number that the function returns.
    """

    def register(measure: Measure) -> Measure:
        new = Claim(
            statement,
            verdict,
            answer,
            conditions,
            source,
            explained,
            evidence,
            measure,
        )
        assert new.id not in CLAIMS, f"two claims are called {new.id}"
        CLAIMS[new.id] = new
        return measure

    return register


def supports(label: str, **bounds: float) -> Evidence:
    """Return evidence for the statement: a number `above`, `below`, or `equal` to something."""
    return _evidence(label, True, **bounds)


def refutes(label: str, **bounds: float) -> Evidence:
    """Return evidence against the statement: a number `above`, `below`, or `equal` to something."""
    return _evidence(label, False, **bounds)


def _evidence(
    label: str,
    supports: bool,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    equal: float | None = None,
) -> Evidence:
    return (
        Evidence(label, supports, above, below)
        if equal is None
        else Evidence(label, supports, equal, equal)
    )


def program(claim: Claim) -> str:
    """Return the program that measures a claim: its function, what it imports, and a line that prints."""
    module = sys.modules[claim.measure.__module__]
    function = re.sub(
        r"^@.*?^def ",
        "def ",
        inspect.getsource(claim.measure),
        flags=re.DOTALL | re.MULTILINE,
    )
    head = inspect.getsource(module).split("\nTITLE")[0]
    needed = (
        [
            line
            for line in group.splitlines()
            if re.search(rf"\b{line.rpartition(' ')[2]}\b", function)
        ]
        for group in head.split("\n\n")[1:]
    )
    imports = "\n\n".join("\n".join(lines) for lines in needed if lines)
    return f'{imports}\n\n\n{function}\n\nprint(*{claim.measure.__name__}(), sep="\\n")'


def report(*ids: str) -> None:
    """Measure these claims, or all of them, and print all that there is to know of each as JSON."""
    lines, broken = [], []
    for claim in [CLAIMS[name] for name in ids] or CLAIMS.values():
        try:
            values = [float(value) for value in claim.measure()]
            wrong = claim.check(values)
        except Exception:  # one claim that breaks must not hide the others
            values, wrong = [], [traceback.format_exc()]
            broken += [f"{claim.id}: {wrong[0]}"]
        lines.append(
            {
                "id": claim.id,
                "title": sys.modules[claim.measure.__module__].TITLE,
                "statement": claim.statement,
                "verdict": claim.verdict,
                "answer": claim.answer,
                "conditions": claim.conditions,
                "source": claim.source,
                "explained": claim.explained,
                "evidence": [[e.label, e.low, e.high] for e in claim.evidence],
                "values": values,
                "wrong": wrong,
                "program": program(claim),
            }
        )
    print(json.dumps(lines))
    if broken:  # what is missing may be there next time: such a report is not to be kept
        raise RuntimeError("\n".join(broken))


from docs.claims import columns, rows, relative, converse, models, learned, formats  # noqa: E402, F401, I001  # fmt: skip  # in the order of the page
