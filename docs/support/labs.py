"""Labs: notebooks that mkdocs-jupyter runs, shown as pages like all others.

The plugin brings a style sheet, scripts and headings of its own. Here its result is taken apart into Markdown with
outputs, and MkDocs renders that: formulas, references, link checking, search and copy buttons work as anywhere else.
"""

import base64
import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path, PurePath

import jupytext
from bs4 import BeautifulSoup, Tag
from mkdocs.exceptions import PluginError
from nbformat.v4 import new_code_cell

from support.figure import inline


@functools.lru_cache(maxsize=16)  # while serving, what was saved is seldom a lab
def markdown(source: str, executed: str, name: str, colab: str) -> str:
    """Return a lab as the Markdown of a page.

    Args:
        source: The text of the percent-format notebook.
        executed: What the plugin made of it.
        name: What an error calls the file.
        colab: The address below which notebooks can be opened in Colab, or an empty string.
    """
    notebook = jupytext.reads(source, fmt="py:percent")
    ran = (cell for cell in BeautifulSoup(executed, "html.parser").select(".jp-CodeCell") if cell.get("id"))
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        try:
            outputs = "\n".join(_outputs(next(ran), cell.metadata.get("figure")))
        except ValueError as error:
            line = source.splitlines().index(cell.source.splitlines()[0]) + 1
            raise PluginError(f"{name}:{line}: {error}") from None
        if outputs:
            parts.append(f'<div class="result" markdown="1">\n\n{outputs}\n\n</div>')
    title, *rest = parts
    file = f"{PurePath(name).stem}.ipynb"
    links = f"[Download as a notebook]({file}){{ .md-button download }}"
    if colab:
        links += f" [Run it in Colab]({colab}labs/{file}){{ .md-button .download }}"
    return "\n\n".join([title, links, *rest])


def notebook(source: Path, repository: str) -> str:
    """Return a lab as a notebook to download, the same at every build; where to install `pe` from comes first."""
    cells = jupytext.read(source)
    if repository:
        needs = f'%pip install --quiet scikit-learn "absolute-pe[figures] @ git+{repository}"'
        cells.cells.insert(0, new_code_cell(needs))  # type: ignore[no-untyped-call]
    for number, cell in enumerate(cells.cells):
        cell["id"] = f"cell-{number}"
        cell.metadata = {}
    return str(jupytext.writes(cells, fmt="ipynb"))


def in_background(task: Callable[..., None], *arguments: object) -> Future[None]:
    """Start a task; whoever ends the build meanwhile need not wait for it, as for one of an executor."""
    future: Future[None] = Future()

    def run() -> None:
        try:
            task(*arguments)
            future.set_result(None)
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _outputs(cell: Tag, figure: str | None) -> Iterator[str]:
    drawn = cell.select(".jp-OutputArea-output img")
    if bool(drawn) != bool(figure):
        raise ValueError(f'a cell that draws, and no other, must say what it shows: # %% figure="…"; got {figure!r}')
    printed = "".join(text.get_text() for text in cell.select("[data-mime-type='text/plain'] pre"))
    if printed:  # in several parts if slowly
        yield f"```text\n{printed.rstrip()}\n```"
    for output in cell.select(".jp-OutputArea-output"):
        if "stderr" in str(output.get("data-mime-type")):
            raise ValueError(f"this cell warns:\n{output.get_text()}")
        image = output.find("img")
        if isinstance(image, Tag):
            svg = base64.b64decode(str(image["src"]).partition(",")[2]).decode()
            yield f'<figure class="drawn" data-search-exclude>{inline(svg, str(figure))}</figure>'
        elif "jp-OutputArea-executeResult" in output["class"]:
            raise ValueError(
                f"this cell shows what its last line returns; print it, or end otherwise: {output.get_text()}"
            )
