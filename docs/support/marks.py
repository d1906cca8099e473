"""Claims on the pages: a mark where one is explained, a table of several, the page of all."""

import json
import math
import posixpath
import re
from typing import Any

from markdown.extensions.toc import slugify

from docs.support import translation
from docs.support.execute import ROOT, run
from docs.support.translation import Voice, voice

MARK = re.compile(r"\[\[([a-z][a-z0-9-]+)\]\]")
DIRECTIVE = re.compile(r"^\[\[(claims|table): *(.*?)\]\]$", re.DOTALL | re.MULTILINE)


def _words(say: Voice) -> dict[str, str]:
    """Return what a verdict is called."""
    return {"true": say("True."), "false": say("False."), "depends": say("It depends.")}


def _marks(say: Voice) -> dict[str, tuple[str, str]]:
    """Return what a mark shows beside a sentence that is true, though the claim may not be; and what it is called."""
    return {
        "true": (say("checked"), say("checked. The claim “{0}” is true")),
        "false": (say("checked; often said otherwise"), say("checked; often said otherwise. The claim “{0}” is false")),
        "depends": (say("checked: it depends"), say("checked: it depends. The claim “{0}” depends")),
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
    claims, way, say = _holding() if MARK.search(text) else {}, _way(page), voice(page)
    return MARK.sub(lambda match: _mark(_known(claims, match[1]), way, say), text)


def lists(text: str, page: str) -> str:
    """Return `text` with a table in place of `[[table: id, id, …]]`, with all claims in place of `[[claims: all]]`."""
    claims = _holding() if DIRECTIVE.search(text) else {}

    def directive(match: re.Match[str]) -> str:
        if match[1] == "claims":
            return _listing(list(claims.values()), page)
        return _table([_known(claims, name) for name in re.split(r",\s*", match[2])], _way(page), voice(page))

    return DIRECTIVE.sub(directive, text)


def _known(claims: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    if name not in claims:
        raise ClaimError(f"no claim is called {name}")
    return claims[name]


def _way(page: str) -> str:
    """Return the way from a page to the one that lists all claims, in its language if there is one."""
    return posixpath.relpath(translation.twin("claims.md", page), posixpath.dirname(page) or ".")


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


def _bounds(low: float, high: float, label: str, say: Voice) -> str:
    if low == high:
        return say("exactly {0}").format(written(low, label, 6))
    bounds = ((say("above {0}"), low), (say("below {0}"), high))
    return say(" and ").join(text.format(written(bound, label, 6)) for text, bound in bounds if math.isfinite(bound))


def _answer(claim: dict[str, Any], say: Voice) -> str:
    return say(str(claim["answer"])).format(*_values(claim))


def _values(claim: dict[str, Any], digits: int = 3) -> list[str]:
    return [
        written(value, evidence[0], digits) for value, evidence in zip(claim["values"], claim["evidence"], strict=True)
    ]


def _mark(claim: dict[str, Any], target: str, say: Voice) -> str:
    shown, name = _marks(say)[claim["verdict"]]
    return f'[{shown}]({target}#{claim["id"]}){{ .claim aria-label="{name.format(say(claim["statement"]))}" }}'


def _table(claims: list[dict[str, Any]], target: str, say: Voice) -> str:
    rows = [
        f"| [{say(claim['statement'])}]({target}#{claim['id']}) | {_verdict(claim, say)} | {_answer(claim, say)} |"
        for claim in claims
    ]
    return "\n".join([f"| {say('Said')} | {say('Verdict')} | {say('What is true')} |", "| --- | --- | --- |", *rows])


def _verdict(claim: dict[str, Any], say: Voice) -> str:
    return f"**{_words(say)[claim['verdict']]}**{{ .verdict .{claim['verdict']} }}"


def _title(target: str) -> str:
    """Return the heading of the page or lab that a link leads to."""
    page = ROOT / "docs" / target.partition("#")[0]
    mark = "# # " if page.suffix == ".py" else "# "
    heading = re.search(rf"^{mark}(.+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert heading, target
    return heading[1]


def _listing(claims: list[dict[str, Any]], page: str) -> str:
    say, parts, title = voice(page), [], ""
    for claim in claims:
        if claim["title"] != title:
            title = claim["title"]
            parts.append(f"## {say(title)} {{ #{slugify(title, '-')} }}")
        rows = [
            f"| {say(label)} | {value} | {_bounds(low, high, label, say)} |"
            for (label, low, high), value in zip(claim["evidence"], _values(claim, 6), strict=True)
        ]
        details = [
            f"| {say('Measured')} | {say('Number')} | {say('Held to')} |",
            "| --- | --- | --- |",
            *rows,
            "",
            say("Conditions: {0}").format(say(claim["conditions"])),
            "",
            translation.linked(say("{0}.").format(say(claim["source"])), page),
            "",
            "```python",
            *claim["program"].splitlines(),
            "```",
        ]
        explained = claim["explained"].partition("#")[0]
        heading = voice(translation.twin(explained, page))(_title(explained))
        more = translation.linked(f"[{heading}]({claim['explained']})", page)
        parts += [
            f"### {say(claim['statement'])} {{ #{claim['id']} }}",
            f"{_verdict(claim, say)} {say('{0} More: {1}.').format(_answer(claim, say), more)}",
            f'??? evidence "{say("Source, numbers and code")}"\n\n'
            + "\n".join(f"    {line}".rstrip() for line in details),
        ]
    return "\n\n".join(parts)
