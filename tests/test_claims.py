"""The claims: each holds, each would fail if it were declared otherwise, and broken code breaks them by name."""

import dataclasses
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from docs.claims import CLAIMS, Evidence, Verdict
from docs.support import marks
from docs.support.execute import run
from tests.conftest import ROOT

Claims = dict[str, dict[str, Any]]


@pytest.mark.parametrize("name", CLAIMS)
def test_claim_holds(claims: Claims, name: str) -> None:
    assert not claims[name]["wrong"]


@pytest.mark.parametrize("name", CLAIMS)
def test_program_that_is_shown_measures_the_claim(claims: Claims, name: str) -> None:
    printed = [float(line) for line in run(claims[name]["program"], name).split()]
    assert printed == pytest.approx(claims[name]["values"], rel=1e-6, abs=1e-9)


def flipped(evidence: Evidence) -> list[Evidence]:
    """Return the evidence with the far side of each of its bounds asked for."""
    sides = [(-math.inf, evidence.low), (evidence.high, math.inf)]
    if evidence.low == evidence.high:
        sides = [(low - 1, high - 1) for low, high in [(evidence.low, evidence.high)]]
    return [dataclasses.replace(evidence, low=low, high=high) for low, high in sides if low != high]


@pytest.mark.parametrize("name", CLAIMS)
def test_another_verdict_or_bound_fails(claims: Claims, name: str) -> None:
    claim, values = CLAIMS[name], claims[name]["values"]
    for verdict in set(get_args(Verdict)) - {claim.verdict}:
        assert dataclasses.replace(claim, verdict=verdict).check(values)
    for n, evidence in enumerate(claim.evidence):
        assert math.isfinite(evidence.low) or math.isfinite(evidence.high), "evidence without a bound"
        for other in flipped(evidence):
            changed = [*claim.evidence[:n], other, *claim.evidence[n + 1 :]]
            assert dataclasses.replace(claim, evidence=changed).check(values), other
    assert claim.check([math.nan] * len(values))
    assert claim.check(values[1:])


@pytest.mark.parametrize("name", CLAIMS)
def test_source_can_be_opened_or_says_that_there_is_none(name: str) -> None:
    assert re.match(r".*\[.+?\]\(.+?\)|Often (heard|assumed|taken for granted)|Follows from ", CLAIMS[name].source)


def replace(*pairs: tuple[str, str]) -> Callable[[str], str]:
    def change(source: str) -> str:
        for old, new in pairs:
            source = re.sub(old, new, source)
        return source

    return change


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        (
            replace((r"\.sin\b", ".SIN"), (r"\.cos\b", ".sin"), (r"\.SIN\b", ".cos")),
            {"shift-is-a-rotation", "rounded-once", "width-has-to-be-even", "every-entry-needs-a-sine"},
        ),
        (
            replace((r"\b10_000\.0\b", "1_000.0")),
            {"many-scales", "wavelengths-end-at-10000-times-2-pi", "rounded-once", "neighbours-are-alike"},
        ),
        (
            replace((r"arange\(0, d_model, 2\b", "arange(0, (d_model + 1) // 2, 1"), (r"Decimal\(-2\)", "Decimal(-1)")),
            {"many-scales", "high-dimensions-vary-faster", "rounded-once", "centred-on-zero"},
        ),
        (
            replace((r"\bfloat64\b", "float32")),
            {"rounded-once", "periodic", "shift-is-a-rotation", "resolution-runs-out"},
        ),
    ],
    ids=["cosine for sine", "base 1,000", "i for 2i", "float32 for float64"],
)
def test_broken_formula_fails_claims_by_name(change: Callable[[str], str], failing: set[str], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "pe", tmp_path / "pe")
    for file in ("sinusoidal.py", "_core.py", "_tables.py", "_devices.py", "module.py", "properties.py"):
        source = (tmp_path / "pe" / file).read_text(encoding="utf-8")
        (tmp_path / "pe" / file).write_text(change(source), encoding="utf-8")
    env = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    program = f"from docs.claims import report\nreport(*{sorted(failing)})"
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert ran.stdout, ran.stderr
    assert {claim["id"] for claim in json.loads(ran.stdout) if claim["wrong"]} == failing


def test_unknown_claim_and_claim_without_a_page_are_errors(claims: Claims) -> None:
    with pytest.raises(marks.ClaimError, match="no claim is called no-such-claim"):
        marks.links("A sentence. [[no-such-claim]]", "usage.md")
    sources = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/labs/*.py")]
    pages = {str(page.relative_to(ROOT / "docs")): page.read_text(encoding="utf-8") for page in sources}
    assert marks.uncited(pages) == []
    assert len(marks.uncited({})) == len(claims)
    without = pages | {"properties.md": pages["properties.md"].replace("[[rows-repeat]]", "")}
    assert marks.uncited(without) == ["rows-repeat belongs on properties.md#every-position-is-distinct"]


def test_claim_that_does_not_hold_stops_the_page(claims: Claims, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = claims | {"fixed": claims["fixed"] | {"wrong": ["the table has moved"]}}
    monkeypatch.setattr(marks, "measured", lambda: broken)
    with pytest.raises(marks.ClaimError, match="fixed: the table has moved"):
        marks.links("[[rows-repeat]]", "properties.md")
