"""Markdown extension: code that runs, numbers that are computed, formulas that need no script.

- A Python fence with `exec="true"` is run by `docs.support.execute` rather than inside the build.
- `{{ expression }}` or `{{ expression :format }}` becomes its value, with `math`, `torch`, `pe` and
  `docs.figures.speed` at hand.
- `{{ install }}` becomes the line that installs the package: `docs.support.install`.
- A mark `[[id]]` becomes a link to a claim, with what was measured: `docs.support.marks`.
- `[[program: file]]` becomes a program to copy, with what it prints: `docs.support.programs`.
- A formula becomes MathML.

Whatever fails stops the build and names the page and the line.
"""

import html
import re
from collections.abc import Callable
from typing import Any

import markdown_exec
from markdown import Extension, Markdown
from markdown.postprocessors import Postprocessor
from markdown.preprocessors import Preprocessor
from markupsafe import Markup
from math_core import LatexError, LatexToMathML
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from pymdownx.superfences import SuperFencesException

from docs.support import install, marks, programs, translation
from docs.support.execute import BlockError, run

NUMBER = re.compile(r"\{\{ *(.+?) *(?: (:[^:{}]+?) *)?\}\}")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
END = "\0"  # of a number
NAMES = "import math\nimport torch\nimport pe\nfrom docs.figures import speed\n"


class PageError(PluginError, SuperFencesException):  # type: ignore[misc]
    """Something on a page is broken; no other exception gets past superfences."""


def page_of(md: Markdown) -> File | None:
    """Return the page that `md` converts, if it is one and not a docstring."""
    return getattr(md.treeprocessors["relpath"], "file", None) if "relpath" in md.treeprocessors else None


class Place:
    """Where something stands in the sources, as far as it can be told."""

    def __init__(self, md: Markdown, text: str) -> None:
        """Look for `text` in the page that `md` converts."""
        page = page_of(md)
        self.file, self.line = "a docstring or page", 1
        if page is not None:
            source = page.content_string
            squeezed = [line.strip() for line in source.splitlines()]
            wanted = [line.strip() for line in text.strip().splitlines()]
            found = (n for n in range(len(squeezed)) if all(w in s for w, s in zip(wanted, squeezed[n:], strict=False)))
            self.file, self.line = f"docs/{page.src_uri}", next(found, 0) + 1

    def error(self, what: str, details: object) -> PageError:
        """Return the error that stops the build."""
        return PageError(f"{self.file}:{self.line}: {what}\n{details}")


def run_fence(*, code: str, md: Markdown, **options: Any) -> Markup:
    """Run a Python fence of a page for markdown-exec."""
    place, page = Place(md, code), page_of(md)

    def run_here(code: str, **_: object) -> str:
        try:
            output = run(code, place.file, place.line)
            return translation.drawn(output, page.src_uri) if page and options["html"] else output
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
        # In this order, the program is the same on the page of another language, where the words have another.
        found = sorted({(match[1], match[2] or "") for match in NUMBER.finditer(text)})
        if not found:
            return lines
        program = NAMES + "".join(f"print(format({value}, {form[1:]!r}), end={END!r})\n" for value, form in found)
        try:
            values = dict(zip(found, run(program, "numbers").split(END), strict=False))
        except BlockError as error:
            match = re.search(r'File "numbers", line (\d+)', str(error))
            expression = found[int(match[1]) - 1 - NAMES.count("\n") if match else 0][0]
            raise Place(self.md, expression).error("this number cannot be computed", error) from None
        return NUMBER.sub(lambda match: with_true_minus(values[match[1], match[2] or ""]), text).split("\n")


def with_true_minus(value: str) -> str:
    """Return a number as it is printed in prose; anything else stays as it is."""
    return value.replace("-", "−") if re.fullmatch(r"-?[\d,.]+(e[+-]\d+)?", value) else value


class Install(Preprocessor):
    """Put the line that installs the package where a page asks for it."""

    def __init__(self, md: Markdown, repository: str) -> None:
        """Keep the address of the repository."""
        super().__init__(md)
        self.repository = repository

    def run(self, lines: list[str]) -> list[str]:
        """Return `lines` with that line."""
        return install.commands("\n".join(lines), self.repository).split("\n")


class Directives(Preprocessor):
    """Put what is known of claims, or what a program gives, where a page asks for it."""

    def __init__(self, md: Markdown, what: str, expand: Callable[[str, str], str]) -> None:
        """Keep what an error calls it, and the function that does so for a text and the page that it stands on."""
        super().__init__(md)
        self.what, self.expand = what, expand

    def run(self, lines: list[str]) -> list[str]:
        """Return `lines` with what takes the place of names."""
        page = page_of(self.md)
        try:
            return self.expand("\n".join(lines), page.src_uri if page else "").split("\n")
        except (BlockError, marks.ClaimError) as error:
            wanted = re.search(r"(?:called |docs/programs/)([\w.-]+)", str(error))
            what = f"{self.what} fails"
            raise Place(self.md, wanted[1] if wanted else "[[").error(what, error) from None


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

    def __init__(self, **options: object) -> None:
        """Take the options that mkdocs.yml gives."""
        self.config = {"repository": ["", "Address of the repository, if it has one"]}
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Register the parts."""
        markdown_exec.formatters["python"] = run_fence
        # Before superfences (25) puts the fences aside, those that claims and programs bring among them.
        md.preprocessors.register(Install(md, self.getConfig("repository") or ""), "install", 27)
        md.preprocessors.register(Directives(md, "a claim", marks.lists), "lists of claims", 26)
        md.preprocessors.register(Directives(md, "a program", programs.shown), "programs to copy", 26)
        md.preprocessors.register(Fences(md), "fences", 24.5)
        md.preprocessors.register(Directives(md, "a claim", marks.links), "marks of claims", 24.2)
        md.preprocessors.register(Numbers(md), "numbers", 24)
        # After raw HTML (30) and the placeholders of inline elements are back in place.
        md.postprocessors.register(Formulas(md), "formulas", 1)


def makeExtension(**options: object) -> PagesExtension:  # noqa: N802
    """Return the extension; Markdown looks for this name."""
    return PagesExtension(**options)
