"""Programs to copy: `[[program: torch_table.py]]` becomes the program, what it prints, and how exact it is."""

import datetime
import json
import os
import re
import textwrap
from typing import Any

from docs.support.execute import ROOT, run

DIRECTIVE = re.compile(r"^( *)\[\[program: *([\w.]+)\]\]$", re.MULTILINE)
LICENCE = "SPDX-License-Identifier:"
LANGUAGES = {"py": "python", "mjs": "js"}


def shown(text: str, page: str) -> str:
    """Return `text` with a program, its output and its exactness in place of each `[[program: file]]`.

    Args:
        text: Markdown; a directive may be indented, as the content of a tab is.
        page: Where it stands; not used.
    """
    return DIRECTIVE.sub(lambda match: textwrap.indent(_shown(match[2]), match[1]), text)


def _shown(name: str) -> str:
    file = f"docs/programs/{name}"
    result = json.loads(run(f"from docs.support.compare import report\nreport({file!r})", file))
    program = (ROOT / file).read_text(encoding="utf-8")
    if address := os.environ.get("SITE_URL"):
        program = program.replace(LICENCE, f"{address} {LICENCE}", 1)
    return "\n\n".join(
        [
            f"```{LANGUAGES[name.rpartition('.')[2]]}\n{program.rstrip()}\n```",
            f"```text {{ .result }}\n{result['printed'].rstrip()}\n```",
            f"{_agreement(result['differing'])} {_ran(result)}",
        ]
    )


def _agreement(differing: dict[str, list[list[int]]]) -> str:
    """Return in words how the tables of each format differ from the reference; formats that do alike together."""
    formats: dict[str, list[str]] = {}
    for dtype, sizes in differing.items():
        formats.setdefault(_sizes(sizes), []).append(dtype)
    return " ".join(f"**{_listed(alike)}:** {said}" for said, alike in formats.items())


def _sizes(sizes: list[list[int]]) -> str:
    same = [f"{n:,} × {d:,}" for n, d, entries, _ in sizes if not entries]
    other = [f"{entries:,} of {n * d:,} at {n:,} × {d:,}" for n, d, entries, _ in sizes if entries]
    if not other:
        return f"the same bytes as the reference at {_listed(same)}."
    most = max(units for *_, units in sizes)
    apart = "1 unit" if most == 1 else f"up to {most:,} units"
    start = f"the same bytes as the reference at {_listed(same)}; elsewhere" if same else "some"
    return f"{start} entries differ by {apart} in the last place: {_listed(other)}."


def _ran(result: dict[str, Any]) -> str:
    """Return in words what a program was run with, and when, if that was not now."""
    versions = _listed([f"{name} {version}" for name, version in result["versions"].items()]) or "no package"
    if "date" not in result:
        return f"Run with {versions} when this page was built."
    day = datetime.date.fromisoformat(result["date"])
    return f"Run with {versions} on {day.day} {day:%B %Y}, since it does not run where this page was built."


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
