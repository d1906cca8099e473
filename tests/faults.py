"""Break pages, theme and claims one at a time and see that something notices: `make faults`.

A fault is found by what it means: a link, a claim's id, a property of the style sheet. The checks that are to notice
must pass without it. `make mutants` does the same for the package.

    python -m tests.faults                   all of them
    python -m tests.faults search colour     those with one of these words in their name
    python -m tests.faults --sample 5        as many as that, others every day
"""

import argparse
import datetime
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = "mkdocs build --strict"
SITE = "pytest -x -q tests/test_docs.py tests/test_site.py"
CHINESE = "pytest -x -q tests/test_zh.py"
CLAIMS = "pytest -x -q tests/test_claims.py"
COPY = "pytest -x -q tests/test_copy.py"
BROWSER = "pytest -x -q tests/test_browser.py"


def looks(at: str) -> tuple[str, ...]:
    """Return the checks of what only a browser shows, those named like this first."""
    return f"{BROWSER} -k '{at}'", BROWSER


@dataclass(frozen=True)
class Fault:
    """What is broken, where it is found, and the checks that are to notice."""

    name: str
    file: str
    pattern: str
    replacement: str
    checks: tuple[str, ...] = (BUILD, SITE, BROWSER)

    def text(self) -> str:
        """Return the file with the fault in it."""
        text = (ROOT / self.file).read_text(encoding="utf-8")
        changed, count = re.subn(self.pattern, self.replacement, text, count=1, flags=re.DOTALL)
        if not count or changed == text:
            raise LookupError(f"{self.file} has nothing like {self.pattern}")
        return changed


def of_claim(claim: str, part: str) -> str:
    """Return a pattern for a part of what the decorator of a claim says."""
    return rf"{part}(?=[^@]*\ndef {claim}\()"


STYLE, EXPLORER, EARLY = "docs/assets/style.css", "docs/assets/explorer.js", "docs/assets/before-theme.js"
ENCODING, NOTEBOOK, SAVE = "docs/assets/encoding.js", "docs/assets/notebook.js", "docs/assets/save.js"
SEEN, DRAWN = looks("sound or copied or keyboard or forbids"), looks("explorer or keyboard")
FAULTS = [
    Fault("a link to no page", "docs/usage.md", r"\]\([\w-]+\.md", "](nowhere.md"),
    Fault("a link to no heading", "docs/formula.md", r"\.md#[\w-]+\)", ".md#nowhere)"),
    Fault("a link to no name of the reference", "docs/bugs.md", r"\]\[pe\.\w+\]", "][pe.nothing]"),
    Fault("a formula that cannot be read", "docs/formula.md", r"\$\\", r"$\\nothing\\"),
    Fault("a program that fails", "docs/properties.md", r"\nimport torch\n", "\nimport torch_\n"),
    Fault("a mark of no claim", "docs/properties.md", r"\[\[[\w-]+\]\]", "[[no-such-claim]]"),
    Fault("a claim without its mark", "docs/usage.md", r"\[\[needs-a-max-len\]\]", ""),
    Fault("a figure of a lab without a name", "docs/labs/digits.py", r' figure="', ' fig="'),
    Fault("a lab that keeps its answer for the end", "docs/labs/order.py", " answer=true", ""),
    Fault("a long program that is not folded", "docs/labs/longer.py", r'fold="six language models"', ""),
    Fault(
        "a claim's verdict",
        "docs/claims/columns.py",
        of_claim("high_dimensions_vary_faster", '"false"'),
        '"true"',
        (CLAIMS,),
    ),
    Fault(
        "a claim's bound",
        "docs/claims/rows.py",
        of_claim("similarity_falls_steadily", r"equal=\d+"),
        "equal=1",
        (CLAIMS,),
    ),
    Fault("a source that is not in the list", "docs/frequency.md", r"\]\(https://github\.com", "](https://gitlab.com"),
    Fault(
        "a mark that hides that its claim is false", "docs/support/marks.py", "checked; often said otherwise", "checked"
    ),
    Fault(
        "an exponent of a program to copy", "docs/programs/javascript.mjs", "twoI / dModel", "column / dModel", (BUILD,)
    ),
    Fault(
        "a program to copy that ignores positions", "docs/programs/flax_module.py", "positions is None", "True", (COPY,)
    ),
    Fault("a paragraph that its translation does not follow", "docs/why.md", "a whole row", "a long row", (CHINESE,)),
    Fault("a number that its translation lacks", "docs/zh/formula.po", r"{{ math.sin\(3\) :.4f }}，", "", (CHINESE,)),
    Fault(
        "Chinese in the search of the English pages",
        "docs/support/hooks.py",
        r"    edition.split_search\(config\)\n",
        "",
        looks("chinese"),
    ),
    Fault(
        "a Chinese lab with English prose",
        "docs/support/labs.py",
        r"parts\.append\(translated\(cell\.source, page\)\)",
        "parts.append(cell.source)",
        (CHINESE,),
    ),
    Fault(
        "a Chinese check that knows faults by their Chinese names",
        "docs/assets/check.js",
        r'\.replace\(/\.\*（\|）\$/g, ""\)',
        "",
        looks("chinese"),
    ),
    Fault("figures without a name", "docs/figures/svg.py", r' aria-label="[^"]*"', ""),
    Fault("exponents of axes", "docs/figures/svg.py", r"        _plain_numbers\(ax\)\n", "", SEEN),
    Fault("figures that are shrunk", STYLE, "max-width: 22.5rem", "max-width: 15rem", SEEN),
    Fault("figures in one colour for both schemes", "docs/figures/svg.py", '"currentColor"', '"#010203"'),
    Fault("ids of figures that are not their own", "docs/figures/svg.py", r"\{prefix\}-", ""),
    Fault("a policy that allows every script", "docs/support/theme/main.html", "script-src", "script-src *", SEEN),
    Fault(
        "a policy that forbids typefaces", "docs/support/theme/main.html", "font-src 'self'", "font-src 'none'", SEEN
    ),
    Fault(
        "the next page fetched with every page", "docs/support/theme/main.html", r'rel="canonical"', 'rel="next"', SEEN
    ),
    Fault(
        "a first visit in the dark that is light",
        "docs/support/theme/partials/javascripts/palette.html",
        r"matchMedia\([^)]*\)\.matches",
        "false",
        looks("colours"),
    ),
    Fault("a theme that is not told of the page", EARLY, "DOMContentLoaded", "nothing", SEEN),
    Fault("an index of the search with every page", EARLY, r"search_index\.json", "nothing", looks("light")),
    Fault("a search whose worker never answers", EARLY, "onmessage", "onerror", looks("search")),
    Fault("a search without a name", EARLY, r'"Search"\n', '""\n', SEEN),
    Fault("buttons that no keyboard comes to", EARLY, "tabIndex: 0", "tabIndex: -1", looks("keyboard")),
    Fault("buttons that the space bar does not press", EARLY, '" "', '"x"', looks("keyboard")),
    Fault("bars of buttons that are called navigation", EARLY, r'role = "none"', 'title = ""', SEEN),
    Fault(
        "text too pale to read",
        STYLE,
        r"--md-default-fg-color--light: #\w+",
        "--md-default-fg-color--light: #b4bbc9",
        SEEN,
    ),
    Fault("prompts and outputs that are copied", STYLE, r"\[data-md-copying\]", ".nothing", SEEN),
    Fault("formulas wider than a phone", STYLE, r"overflow-x: auto", "min-width: 60rem", SEEN),
    Fault(
        "a closed menu that can be reached",
        STYLE,
        "scrollwrap { display: none",
        "scrollwrap { display: block",
        looks("keyboard"),
    ),
    Fault("a typeface that is not there", STYLE, r"stix-two-text\.woff2", "stix-two.woff2", SEEN),
    Fault("the explorer's sine", ENCODING, r"Math\.sin\(", "Math.cos(", DRAWN),
    Fault("the explorer's exponent", ENCODING, r"-2 \*", "-1 *", DRAWN),
    Fault("an address that does not hold the view", EXPLORER, r"history\.replaceState\(", "void (", DRAWN),
    Fault("arrow keys the wrong way round", EXPLORER, r"ArrowDown: \[1, 0\]", "ArrowDown: [0, 1]", DRAWN),
    Fault("a mark on another row", EXPLORER, r"\+ 0\.5\) /", "+ 5) /", DRAWN),
    Fault("columns squeezed into less than a point", EXPLORER, r"max\(100%, \$\{width\}px\)", "100%", DRAWN),
    Fault("a button that does not say Stop", EXPLORER, r'"Stop"', '"Run"', DRAWN),
    Fault("a range that is one too long", ENCODING, r"return first \+ found", "return first + found + 1", DRAWN),
    Fault("a lecture that Escape does not end", EXPLORER, r'"Escape"', '"End"', DRAWN),
    Fault(
        "a figure saved without its style",
        SAVE,
        r"\.setProperty\(name",
        '.setProperty("--none"',
        looks("figure_is_saved"),
    ),
    Fault(
        "a figure saved without its paper", SAVE, r"prepend\(title, paper\)", "prepend(title)", looks("figure_is_saved")
    ),
    Fault("a notebook that installs nothing", NOTEBOOK, "%pip", "%nothing", looks("notebook")),
    Fault(
        "a notebook whose package has no address", NOTEBOOK, r'\.includes\(""\)', '.includes("pe")', looks("notebook")
    ),
    Fault("a button that does not say that it saves a notebook", NOTEBOOK, r"title: ", "id: ", SEEN),
    Fault("a vector that is not rounded correctly", "docs/assets/vectors.json", r'"0x1\.a', '"0x1.b'),
    Fault("a hash of another table", "docs/copy.md", "067e05980c26", "067e05980c27"),
    Fault("a page that the navigation leaves out", "mkdocs.yml", r"\n[ -]*Formula: [^\n]*", ""),
    Fault("programs without a copy button", "mkdocs.yml", r"\n[ -]*content\.code\.copy", ""),
    Fault("an icon that is not there", "mkdocs.yml", r"favicon: \S+", "favicon: assets/nothing.svg"),
]


def failing(checks: Iterable[str], fault: Fault | None = None) -> str:
    """Return what the first check that fails says of a copy of the checkout with the fault in it; "" if none does."""
    with tempfile.TemporaryDirectory() as folder:
        for file in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines():
            Path(folder, file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, Path(folder, file))
        Path(folder, ".cache").symlink_to(ROOT / ".cache")
        if fault:
            Path(folder, fault.file).write_text(fault.text(), encoding="utf-8")
        env = os.environ | {"PYTHONPATH": folder, "NO_MKDOCS_2_WARNING": "1"}
        for check in checks:
            command = [sys.executable, "-m", *shlex.split(check)]
            ran = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
            if ran.returncode:
                lines = [line for line in (ran.stdout + ran.stderr).splitlines() if line.strip()] or [check]
                return next((line for line in lines if line.startswith(("FAILED", "ERROR", "WARNING"))), lines[-1])
    return ""


def main() -> str | None:
    """Try the faults that are asked for; return what to say if one survives."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("words", nargs="*")
    parser.add_argument("--sample", type=int)
    asked = parser.parse_args()
    chosen = [fault for fault in FAULTS if not asked.words or any(word in fault.name for word in asked.words)]
    if asked.sample:
        chosen = random.Random(datetime.date.today().isoformat()).sample(chosen, asked.sample)
    if broken := failing(dict.fromkeys(check for fault in chosen for check in fault.checks)):
        return f"Without a fault: {broken}"
    survivors = []
    for number, fault in enumerate(chosen, 1):
        said = failing(fault.checks, fault)
        print(f"{number}/{len(chosen)} {'noticed ' if said else 'SURVIVES'} {fault.name}\n    {said}", flush=True)
        survivors += [] if said else [fault.name]
    return "\n".join(["These faults survive:", *survivors]) if survivors else None


if __name__ == "__main__":
    sys.exit(main())
