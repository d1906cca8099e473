"""Labs: notebooks that mkdocs-jupyter runs, shown as pages like all others.

The plugin brings a style sheet, scripts and headings of its own. Here its result is taken apart into Markdown with
outputs, and MkDocs renders that: formulas, references, link checking, search and copy buttons work as anywhere else.

A notebook is linear, and its page begins with the end: what the cells marked `answer=true` print and draw comes right
after the question. What a cell marked `fold="…"` holds is unfolded by who wants to read it. What a figure shows is said
to those who cannot see it by `figure="…"` or, where it takes numbers, by what the cell prints: `figure="printed"`.
"""

import base64
import functools
import posixpath
import re
import textwrap
from html import escape
from pathlib import Path, PurePath

import jupytext
from bs4 import BeautifulSoup, Tag
from mkdocs.exceptions import PluginError
from nbformat.v4 import new_code_cell

from docs.figures.svg import inline
from docs.support import install, marks
from docs.support.translation import Voice, drawn, translated, voice

LINK = re.compile(r"\[([^\]]+)\]\((\.\./)?([\w/-]+)\.(md|py|npz|txt)(#[\w-]+)?\)")  # to the site itself
LONGEST = 24  # lines of a program that is not folded


@functools.lru_cache(maxsize=16)  # while serving, what was saved is seldom a lab
def markdown(source: str, executed: str, name: str, colab: str, page: str) -> str:
    """Return a lab as the Markdown of a page: the question, the answer, and how it was found.

    Args:
        source: The text of the percent-format notebook.
        executed: What the plugin made of it.
        name: The notebook, relative to the folder of all pages.
        colab: The address below which notebooks can be opened in Colab, or an empty string.
        page: The page, which may be in another language.
    """
    say = voice(page)
    ran = (cell for cell in BeautifulSoup(executed, "html.parser").select(".jp-CodeCell") if cell.get("id"))
    first, *cells = jupytext.reads(source, fmt="py:percent").cells
    title, _, question = translated(first.source, page).strip().partition("\n\n")
    sentences, figures, parts, end = "", "", [], 0
    for cell in cells:
        if cell.cell_type == "markdown":
            parts.append(translated(cell.source, page))
            continue
        start = source.index(cell.source, end)
        end = start + len(cell.source)
        try:
            program = _program(cell.source, say, **cell.metadata)
            printed, figure = _outputs(next(ran), **cell.metadata)
        except ValueError as error:
            line = source.count("\n", 0, start) + 1
            raise PluginError(f"docs/{name}:{line}: {error}") from None
        figure = drawn(figure, page)
        parts.append(program)
        if cell.metadata.get("answer"):
            sentences += translated(printed.replace("\n", "\n\n"), page) if printed else ""
            figures += figure
            parts.append(say("What this cell gives is [the answer](#the-answer), above."))
        elif printed or figure:
            output = f"```text\n{printed.rstrip()}\n```\n\n" if printed else ""
            parts.append(f'<div class="result" markdown="1">\n\n{output}{figure}\n\n</div>')
    if not sentences or not figures:
        raise PluginError(
            f"docs/{name}:1: the answer is to be printed and drawn, by cells that are marked # %% answer=true"
        )
    file = f"{PurePath(name).stem}.ipynb"
    way = posixpath.relpath(f"labs/{file}", posixpath.dirname(page))
    links = f"[{say('Download as a notebook')}]({way}){{ .md-button .download download={file} }}"
    if colab:
        links += f" [{say('Run it in Colab')}]({colab}labs/{file}){{ .md-button .download }}"
    heading = f"## {say('The answer')} {{ #the-answer }}"
    answer = f'{heading}\n\n<div class="answer" markdown="1">\n\n{sentences}\n{figures}\n\n</div>'
    return "\n\n".join([title, f'<p class="goal" markdown>{question}</p>', answer, links, *parts])


def _program(code: str, say: Voice, fold: str = "", figure: str = "", **_: object) -> str:
    """Return a program as Markdown, folded if it says what it holds; raise if it does not, and should."""
    lines = code.count("\n") + 1
    shown = f"```python\n{code}\n```"
    if fold:
        return f'??? code "{say("Code: {0}, {1} lines").format(say(fold), lines)}"\n\n{textwrap.indent(shown, "    ")}'
    if figure or lines > LONGEST:
        raise ValueError(f'a cell that draws or has more than {LONGEST} lines must say what it holds: # %% fold="…"')
    return shown


def _outputs(cell: Tag, figure: str = "", caption: str = "", **_: object) -> tuple[str, str]:
    """Return what a cell printed and drew; raise if it warns, or does not say what it draws."""
    drawn = cell.select(".jp-OutputArea-output img")
    if not (bool(drawn) == bool(figure) == bool(caption)):
        raise ValueError(
            'a cell that draws, and no other, must say what it shows: # %% figure="…" caption="…"; '
            f"got {figure!r} and {caption!r}"
        )
    if warned := cell.select_one("[data-mime-type*=stderr]"):
        raise ValueError(f"this cell warns:\n{warned.get_text()}")
    if returned := cell.select_one(".jp-OutputArea-executeResult"):
        raise ValueError(
            f"this cell shows what its last line returns; print it, or end otherwise: {returned.get_text()}"
        )
    # Slow output comes in several parts.
    printed = "".join(text.get_text() for text in cell.select("[data-mime-type='text/plain'] pre"))
    if figure == "printed":
        figure, printed = " ".join(printed.split()), ""
        if not figure:
            raise ValueError('a cell with figure="printed" must print what its figure shows, and prints nothing')
    svgs = (base64.b64decode(str(image["src"]).partition(",")[2]).decode() for image in drawn)
    return printed, "".join(
        f'<figure class="drawn" data-search-exclude>{inline(svg, figure)}'
        f"<figcaption>{escape(caption)}</figcaption></figure>\n\n"
        for svg in svgs
    )


def notebook(source: Path, repository: str, site: str) -> str:
    """Return a lab as a notebook to download, the same at every build; what installs its imports comes first.

    Links lead to `site`, from where its data is fetched too; if that is an empty string, only their words are left.
    """
    cells = jupytext.read(source)
    for cell in cells.cells:
        if cell.cell_type == "markdown":
            text = marks.MARK.sub("", cell.source).replace(" \n", "\n").rstrip()
            cell.source = LINK.sub(lambda link: _address(link, site) if site else link[1], text)
    program = "\n".join(cell.source for cell in cells.cells if cell.cell_type == "code")
    setup = [install.cell(program, repository)] if repository else []
    if site:
        data = sorted(file.name for file in source.parent.glob("*.npz") if file.name in program)
        setup += [f"!curl --silent --show-error --fail --remote-name {site}labs/{file}" for file in data]
    if setup:
        cells.cells.insert(0, new_code_cell("\n".join(setup)))  # type: ignore[no-untyped-call]
    for number, cell in enumerate(cells.cells):
        cell["id"] = f"cell-{number}"
        cell.metadata = {}
    return str(jupytext.writes(cells, fmt="ipynb"))


def _address(link: re.Match[str], site: str) -> str:
    """Return a link of a lab with the address where it leads on the site."""
    words, up, target, kind, anchor = link.groups(default="")
    end = f".{kind}" if kind in ("npz", "txt") else "/"
    return f"[{words}]({site}{'' if up else 'labs/'}{target}{end}{anchor})"
