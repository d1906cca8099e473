"""Markdown extension: code that runs, numbers that are computed, formulas that need no script.

- A Python fence with `exec="true"` is run by `docs.support.execute` rather than inside the build.
- `{{ expression }}` or `{{ expression :format }}` becomes its value, with `math`, `torch`, `pe` and
  `docs.figures.speed` at hand.
- A mark `[[id]]` becomes a link to a claim, with what was measured: `docs.support.marks`.
- A formula becomes MathML.

Whatever fails stops the build and names the page and the line.
"""

import html
import re
from pathlib import Path
from typing import Any

import markdown_exec
from markdown import Extension, Markdown
from markdown.postprocessors import Postprocessor
from markdown.preprocessors import Preprocessor
from markupsafe import Markup
from math_core import LatexError, LatexToMathML
from mkdocs.exceptions import PluginError
from pymdownx.superfences import SuperFencesException

from docs.support.execute import BlockError, run
from docs.support.marks import ClaimError, expand

NUMBER = re.compile(r"\{\{ *(.+?) *(?: (:[^:{}]+?) *)?\}\}")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
NAMES = "import math\nimport torch\nimport pe\nfrom docs.figures import speed\n"


class PageError(PluginError, SuperFencesException):  # type: ignore[misc]
    """Something on a page is broken; no other exception gets past superfences."""


class Place:
    """Where something stands in the sources, as far as it can be told."""

    def __init__(self, md: Markdown, text: str) -> None:
        """Look for `text` in the page that `md` converts."""
        page = getattr(md.treeprocessors["relpath"], "file", None) if "relpath" in md.treeprocessors else None
        self.file, self.line = "a docstring or page", 1
        if page is not None:
            source = Path(page.abs_src_path).read_text(encoding="utf-8")
            squeezed = [line.strip() for line in source.splitlines()]
            wanted = [line.strip() for line in text.strip().splitlines()]
            found = (n for n in range(len(squeezed)) if all(w in s for w, s in zip(wanted, squeezed[n:], strict=False)))
            self.file, self.line = f"docs/{page.src_uri}", next(found, 0) + 1

    def error(self, what: str, details: object) -> PageError:
        """Return the error that stops the build."""
        return PageError(f"{self.file}:{self.line}: {what}\n{details}")


def run_fence(*, code: str, md: Markdown, **options: Any) -> Markup:
    """Run a Python fence of a page for markdown-exec."""
    place = Place(md, code)

    def run_here(code: str, **_: object) -> str:
        try:
            return run(code, place.file, place.line)
        except BlockError as error:
            raise place.error("this block fails", error) from None

    return markdown_exec.base_format(language="python", run=run_here, code=code, md=md, **options)


class Fences(Preprocessor):
    """Stop at a fence that was not understood; it would be shown as text."""

    def run(self, lines: list[str]) -> list[str]:
        """Return `lines` as they are."""
        for line in lines:
            if line.lstrip().startswith("```"):
                raise Place(self.md, line).error("this fence cannot be read", line)
        return lines


class Numbers(Preprocessor):
    """Put values in the place of expressions; one program computes all those of a page."""

    def run(self, lines: list[str]) -> list[str]:
        """Return `lines` with values for expressions."""
        text = "\n".join(lines)
        found = [(match[1], match[2] or "") for match in NUMBER.finditer(text)]
        if not found:
            return lines
        program = NAMES + "".join(f"print(format({value}, {form[1:]!r}))\n" for value, form in found)
        try:
            values = iter(run(program, "numbers").splitlines())
        except BlockError as error:
            match = re.search(r'File "numbers", line (\d+)', str(error))
            expression = found[int(match[1]) - 1 - NAMES.count("\n") if match else 0][0]
            raise Place(self.md, expression).error("this number cannot be computed", error) from None
        return NUMBER.sub(lambda _: next(values), text).split("\n")


class Marks(Preprocessor):
    """Put what is known of a claim where a page asks for it."""

    def run(self, lines: list[str]) -> list[str]:
        """Return `lines` with links, tables and lists in place of ids."""
        page = getattr(self.md.treeprocessors["relpath"], "file", None) if "relpath" in self.md.treeprocessors else None
        try:
            return expand("\n".join(lines), page.src_uri if page else "").split("\n")
        except (BlockError, ClaimError) as error:
            wanted = re.search(r"called (\S+)$", str(error))
            raise Place(self.md, wanted[1] if wanted else "[[").error("a claim fails", error) from None


class Formulas(Postprocessor):
    """Turn what pymdownx.arithmatex marked as LaTeX into MathML."""

    def run(self, text: str) -> str:
        """Return `text` with MathML for LaTeX."""
        return FORMULA.sub(self.convert, text)

    def convert(self, match: re.Match[str]) -> str:
        """Return one formula as MathML."""
        latex, block = html.unescape(match[3]).strip(), match[2] == "["
        try:
            mathml = CONVERTER.convert_with_local_state(latex, displaystyle=block)
        except LatexError as error:
            raise Place(self.md, latex).error(f"this formula cannot be read: {latex}", error) from None
        mathml = mathml.replace("<math", f'<math alttext="{html.escape(latex)}"', 1)
        return f'<div class="formula" tabindex="0">{mathml}</div>' if block else mathml


CONVERTER = LatexToMathML(fancy_error=False)


class PagesExtension(Extension):
    """What the pages of this site add to Markdown."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Register the parts."""
        markdown_exec.formatters["python"] = run_fence
        # After superfences (25) has put the fences aside, before paragraphs and tables are told apart.
        md.preprocessors.register(Fences(md), "fences", 24.5)
        # Before superfences, which takes care of the programs that the list of claims brings.
        md.preprocessors.register(Marks(md), "marks", 26)
        md.preprocessors.register(Numbers(md), "numbers", 24)
        # After raw HTML (30) and the placeholders of inline elements are back in place.
        md.postprocessors.register(Formulas(md), "formulas", 1)


def makeExtension(**options: object) -> PagesExtension:  # noqa: N802
    """Return the extension; Markdown looks for this name."""
    return PagesExtension(**options)
