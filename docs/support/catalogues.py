"""The catalogues of translations, kept in step with what is to be translated: `make lint`, `make translate`.

`python -m docs.support.catalogues` lists what is missing, wrong or no longer needed, and fails if there is any;
`--write` brings new and changed paragraphs into the catalogues, with the old English beside the old translation.
Words in drawings and in the answers of labs, `docs/zh/drawn.po`, are known when these are made; tests/test_zh.py looks
for what is missing there.
"""

import ast
import io
import re
import sys
from collections.abc import Iterator

import jupytext
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from mkdocs.utils.yaml import yaml_load

from docs.support.translation import DOCS, ROOT, SAID, SNIPPET, pages, parts, scripted, shown, wrong

HEADER = 'msgid ""\nmsgstr "Language: zh\\nContent-Type: text/plain; charset=UTF-8\\n"\n\n'


def page(markdown: str) -> Iterator[str]:
    """Yield what a page says, its figures, and what its scripts do."""
    yield from (text for _, text, _ in parts(markdown) if text)
    yield from captions(markdown)
    for name in SNIPPET.findall(markdown):
        yield from shown((ROOT / name).read_text(encoding="utf-8"))
    yield from scripted(markdown)


def lab(notebook: str) -> Iterator[str]:
    """Yield what a lab says, what its folded programs hold, and what its figures show."""
    for cell in jupytext.reads(notebook, fmt="py:percent").cells:
        if cell.cell_type == "markdown":
            yield from (text for _, text, _ in parts(cell.source) if text)
        said = (cell.metadata.get(key) for key in ("fold", "figure", "caption"))
        yield from (text for text in said if text and text != "printed")


def captions(markdown: str) -> Iterator[str]:
    """Yield what the hidden programs of a page say of their figures: `show(…, name, caption)`."""
    for code in re.findall(r'^```python exec="true" html="true"\n(.*?)^```$', markdown, re.DOTALL | re.MULTILINE):
        for call in ast.walk(ast.parse(code)):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "show":
                yield from (str(argument.value) for argument in call.args if isinstance(argument, ast.Constant))


def claims() -> Iterator[str]:
    """Yield what claims say: titles, statements, answers, conditions, sources, and what is measured."""
    for file in sorted((DOCS / "claims").glob("[a-z]*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TITLE":
                yield ast.literal_eval(node.value)
            for call in node.decorator_list if isinstance(node, ast.FunctionDef) else []:
                assert isinstance(call, ast.Call)
                said = [*call.args[::2], *(word.value for word in call.keywords if word.arg != "explained")]
                constants = (c for part in said for c in ast.walk(part) if isinstance(c, ast.Constant))
                yield from (constant.value for constant in constants if isinstance(constant.value, str))


def site() -> Iterator[str]:
    """Yield the titles of the menu, and what templates and programs of the build `say`."""
    settings = yaml_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    yield from (settings["site_name"], settings["site_description"], settings["copyright"])
    yield from (palette["toggle"]["name"] for palette in settings["theme"]["palette"])
    yield from _titles(settings["nav"], set(pages().values()))
    for file in sorted((DOCS / "support").rglob("*.*")):
        if file.suffix in (".py", ".html"):
            yield from SAID.findall(file.read_text(encoding="utf-8"))


def _titles(nav: list[dict[str, object]], translated: set[str]) -> Iterator[str]:
    for item in nav:
        for title, inside in item.items():
            if isinstance(inside, list):
                yield title
                yield from _titles(inside, translated)
            elif inside in translated:
                yield title


def sources() -> dict[str, list[str]]:
    """Return by catalogue what is to be translated."""
    wanted = {"zh/site": list(site())}
    for name, file in pages().items():
        source = (DOCS / file).read_text(encoding="utf-8")
        wanted[name.removesuffix(".md")] = list(lab(source) if file.endswith(".py") else page(source))
    if "zh/claims" in wanted:
        wanted["zh/claims"] += claims()
    return {name: list(dict.fromkeys(texts)) for name, texts in wanted.items()}


def problems() -> list[str]:
    """Return what is to be done: paragraphs to translate, translations that lack something or are not needed."""
    found = []
    for name, wanted in sources().items():
        file = DOCS / f"{name}.po"
        messages = read_po(io.BytesIO(file.read_bytes()), locale="zh") if file.exists() else Catalog()
        entries = {str(m.id): m for m in messages if m.id}
        for text in wanted:
            if text not in entries or not entries[text].string or entries[text].fuzzy:
                found.append(f"docs/{name}.po: to translate: {text}")
            elif lacking := wrong(text, entries[text].string):
                found.append(f"docs/{name}.po: {lacking} is not the same in the translation of: {text}")
        found += [f"docs/{name}.po: not needed: {text}" for text in entries if text not in wanted]
    return found


def write() -> None:
    """Bring what is to be translated into the catalogues, and what is not needed out of them."""
    for name, wanted in sources().items():
        file, template = DOCS / f"{name}.po", Catalog(locale="zh")
        messages = read_po(io.BytesIO(file.read_bytes()), locale="zh") if file.exists() else Catalog(locale="zh")
        for text in wanted:
            template.add(text)
        messages.update(template)
        for message in messages:
            message.flags.discard("python-brace-format")
        written = io.BytesIO()
        write_po(written, messages, width=0, omit_header=True, ignore_obsolete=True, include_previous=True)
        file.write_bytes(HEADER.encode() + written.getvalue().strip() + b"\n")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    if listed := problems():
        sys.exit("\n".join([*listed, "", f"{len(listed)} to do; `make translate` brings them into the catalogues"]))
