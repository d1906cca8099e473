"""Labs: notebooks that mkdocs-jupyter runs, shown as pages like all others.

The plugin brings a style sheet, scripts and headings of its own. Here its result is taken apart into Markdown with
outputs, and MkDocs renders that: formulas, references, link checking, search and copy buttons work as anywhere else.
"""

import base64
import functools
import re
from collections.abc import Iterator
from pathlib import Path, PurePath

import jupytext
from bs4 import BeautifulSoup, Tag
from mkdocs.exceptions import PluginError
from nbformat.v4 import new_code_cell

from docs.figures.svg import inline
from docs.support import install

TO_PAGE = re.compile(r"\[([^\]]+)\]\(\.\./([\w-]+)\.md(#[\w-]+)?\)")


@functools.lru_cache(maxsize=16)  # while serving, what was saved is seldom a lab
def markdown(source: str, executed: str, name: str, colab: str) -> str:
    """Return a lab as the Markdown of a page.

    Args:
        source: The text of the percent-format notebook.
        executed: What the plugin made of it.
        name: What an error calls the file.
        colab: The address below which notebooks can be opened in Colab, or an empty string.
    """
    ran = (cell for cell in BeautifulSoup(executed, "html.parser").select(".jp-CodeCell") if cell.get("id"))
    parts, end = [], 0
    for cell in jupytext.reads(source, fmt="py:percent").cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        start = source.index(cell.source, end)
        end = start + len(cell.source)
        parts.append(f"```python\n{cell.source}\n```")
        try:
            outputs = "\n".join(_outputs(next(ran), cell.metadata.get("figure")))
        except ValueError as error:
            line = source.count("\n", 0, start) + 1
            raise PluginError(f"{name}:{line}: {error}") from None
        if outputs:
            parts.append(f'<div class="result" markdown="1">\n\n{outputs}\n\n</div>')
    title, *rest = parts
    file = f"{PurePath(name).stem}.ipynb"
    links = f"[Download as a notebook]({file}){{ .md-button .download download={file} }}"
    if colab:
        links += f" [Run it in Colab]({colab}labs/{file}){{ .md-button .download }}"
    return "\n\n".join([title, links, *rest])


def _outputs(cell: Tag, figure: str | None) -> Iterator[str]:
    """Give what a cell printed and drew; raise if it warns, or does not say what it draws."""
    drawn = cell.select(".jp-OutputArea-output img")
    if bool(drawn) != bool(figure):
        raise ValueError(f'a cell that draws, and no other, must say what it shows: # %% figure="…"; got {figure!r}')
    if warned := cell.select_one("[data-mime-type*=stderr]"):
        raise ValueError(f"this cell warns:\n{warned.get_text()}")
    if returned := cell.select_one(".jp-OutputArea-executeResult"):
        raise ValueError(
            f"this cell shows what its last line returns; print it, or end otherwise: {returned.get_text()}"
        )
    printed = "".join(text.get_text() for text in cell.select("[data-mime-type='text/plain'] pre"))
    if printed:  # slow output comes in several parts
        yield f"```text\n{printed.rstrip()}\n```"
    for image in drawn:
        svg = base64.b64decode(str(image["src"]).partition(",")[2]).decode()
        yield f'<figure class="drawn" data-search-exclude>{inline(svg, str(figure))}</figure>'


def notebook(source: Path, repository: str, site: str) -> str:
    """Return a lab as a notebook to download, the same at every build; what installs its imports comes first.

    Links to pages lead to `site`; if that is an empty string, only their words are left.
    """
    cells = jupytext.read(source)
    for cell in cells.cells:
        if cell.cell_type == "markdown":
            cell.source = TO_PAGE.sub(rf"[\1]({site}\2/\3)" if site else r"\1", cell.source)
    if repository:
        program = "\n".join(cell.source for cell in cells.cells if cell.cell_type == "code")
        cells.cells.insert(0, new_code_cell(install.cell(program, repository)))  # type: ignore[no-untyped-call]
    for number, cell in enumerate(cells.cells):
        cell["id"] = f"cell-{number}"
        cell.metadata = {}
    return str(jupytext.writes(cells, fmt="ipynb"))
