"""Claims on the pages: a mark where one is explained, a table of several, the page of all."""

import json
import math
import posixpath
import re
from typing import Any

from docs.support.execute import ROOT, run

MARK = re.compile(r"\[\[([a-z][a-z0-9-]+)\]\]")
DIRECTIVE = re.compile(r"^\[\[(claims|table): *(.*?)\]\]$", re.DOTALL | re.MULTILINE)
WORDS = {"true": "True.", "false": "False.", "depends": "It depends."}
# What a mark shows beside a sentence that is true, though the claim that it leads to may not be; and what it is called.
MARKS = {
    "true": ("checked", "is true"),
    "false": ("checked; often said otherwise", "is false"),
    "depends": ("checked: it depends", "depends"),
}


class ClaimError(Exception):
    """A claim does not hold, is not known, or is explained nowhere."""


def measured() -> dict[str, dict[str, Any]]:
    """Return all claims by id, measured in a process of their own or taken from the cache."""
    return {claim["id"]: claim for claim in json.loads(run("from docs.claims import report\nreport()", "claims"))}


def _holding() -> dict[str, dict[str, Any]]:
    """Return all claims by id; raise if one does not hold."""
    claims = measured()
    wrong = [f"{claim['id']}: {reason}" for claim in claims.values() for reason in claim["wrong"]]
    if wrong:
        raise ClaimError("these claims do not hold:\n" + "\n".join(wrong))
    return claims


def links(text: str, page: str) -> str:
    """Return `text` with a link in place of each mark, `[[id]]`.

    Args:
        text: Markdown, its programs put aside.
        page: Where it stands, relative to the folder of all pages; links begin there.
    """
    claims = _holding() if MARK.search(text) else {}
    return MARK.sub(lambda match: _mark(_known(claims, match[1]), _way(page)), text)


def lists(text: str, page: str) -> str:
    """Return `text` with a table in place of `[[table: id, id, …]]`, with all claims in place of `[[claims: all]]`."""
    claims = _holding() if DIRECTIVE.search(text) else {}

    def directive(match: re.Match[str]) -> str:
        if match[1] == "claims":
            return _listing(list(claims.values()))
        return _table([_known(claims, name) for name in re.split(r",\s*", match[2])], _way(page))

    return DIRECTIVE.sub(directive, text)


def _known(claims: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    if name not in claims:
        raise ClaimError(f"no claim is called {name}")
    return claims[name]


def _way(page: str) -> str:
    """Return the way from a page to the one that lists all claims."""
    return posixpath.relpath("claims.md", posixpath.dirname(page) or ".")


def uncited(pages: dict[str, str]) -> list[str]:
    """Return the claims whose mark is not on the page that is to explain them, `pages` being texts by name."""
    return [
        f"{claim['id']} belongs on {claim['explained']}"
        for claim in measured().values()
        if claim["id"] not in MARK.findall(pages.get(claim["explained"].partition("#")[0], ""))
    ]


def written(value: float, label: str, digits: int = 3) -> str:
    """Return a measured number as prose writes it; what is labelled a share, in per cent."""
    if label.startswith("share"):
        return f"{100 * value:.{digits}g}%"
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    if abs(value) >= 10**digits - 0.5:
        return f"{value:,.0f}"
    if abs(value) >= 1e-4:
        return f"{value:,.{digits}g}"
    factor, exponent = f"{value:.{max(1, digits - 3)}e}".split("e")
    power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{factor} × 10{power}"


def _bounds(low: float, high: float, label: str) -> str:
    if low == high:
        return f"exactly {written(low, label, 6)}"
    bounds = (("above", low), ("below", high))
    return " and ".join(f"{word} {written(bound, label, 6)}" for word, bound in bounds if math.isfinite(bound))


def _answer(claim: dict[str, Any]) -> str:
    return str(claim["answer"]).format(*_values(claim))


def _values(claim: dict[str, Any], digits: int = 3) -> list[str]:
    return [
        written(value, evidence[0], digits) for value, evidence in zip(claim["values"], claim["evidence"], strict=True)
    ]


def _mark(claim: dict[str, Any], target: str) -> str:
    shown, verdict = MARKS[claim["verdict"]]
    name = f"{shown}. The claim “{claim['statement']}” {verdict}"
    return f'[{shown}]({target}#{claim["id"]}){{ .claim aria-label="{name}" }}'


def _table(claims: list[dict[str, Any]], target: str) -> str:
    rows = [
        f"| [{claim['statement']}]({target}#{claim['id']}) | {_verdict(claim)} | {_answer(claim)} |" for claim in claims
    ]
    return "\n".join(["| Said | Verdict | What is true |", "| --- | --- | --- |", *rows])


def _verdict(claim: dict[str, Any]) -> str:
    return f"**{WORDS[claim['verdict']]}**{{ .verdict .{claim['verdict']} }}"


def _title(target: str) -> str:
    """Return the heading of the page that a link leads to."""
    page = ROOT / "docs" / target.partition("#")[0]
    heading = re.search(r"^(?:# )?# (\w.*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert heading, target
    return heading[1]


def _listing(claims: list[dict[str, Any]]) -> str:
    parts, title = [], ""
    for claim in claims:
        if claim["title"] != title:
            title = claim["title"]
            parts.append(f"## {title}")
        rows = [
            f"| {label} | {value} | {_bounds(low, high, label)} |"
            for (label, low, high), value in zip(claim["evidence"], _values(claim, 6), strict=True)
        ]
        details = [
            "| Measured | Number | Held to |",
            "| --- | --- | --- |",
            *rows,
            "",
            f"Conditions: {claim['conditions']}",
            "",
            f"{claim['source']}.",
            "",
            "```python",
            *claim["program"].splitlines(),
            "```",
        ]
        parts += [
            f"### {claim['statement']} {{ #{claim['id']} }}",
            f"{_verdict(claim)} {_answer(claim)} More: [{_title(claim['explained'])}]({claim['explained']}).",
            '??? evidence "Source, numbers and code"\n\n' + "\n".join(f"    {line}".rstrip() for line in details),
        ]
    return "\n\n".join(parts)
