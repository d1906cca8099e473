"""The pages as plain Markdown, for readers that are programs: what ran, what it printed, and no HTML."""

import inspect
import posixpath
import re

from bs4 import BeautifulSoup, Tag

from support.marks import expand
from support.pages import worked_out
from support.run import ROOT, run

FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FIGURE = re.compile(r"<figure.*?</figure>", re.DOTALL)
REFERENCE = re.compile(r"\[(`?[^\]\n]+?`?)\]\[(pe\.[\w.]+)\]")
OBJECT = re.compile(r"^::: (\S+)$", re.MULTILINE)
BOX = re.compile(r"^(?:!!!|\?\?\?\+?|===) ?\w* ?\"(.*?)\"\n((?:\n| {4}[^\n]*\n)+)", re.MULTILINE)
ATTRIBUTES = re.compile(r" ?\{:? ?[.#][\w .#-]+\}")
TAGS = re.compile(r"^</?(?:p|div|noscript)\b[^>]*>|</?(?:p|div)\b[^>]*>$", re.MULTILINE)
LAB = re.compile(r"(\]\([^):]*?)\.py\b")
DESCRIBE = """
import inspect, pe
thing = {name}
print(f"## `{name}`\\n\\n```python\\n{name}{{inspect.signature(thing)}}\\n```\\n\\n{{inspect.getdoc(thing)}}")
"""


def markdown(text: str, page: str) -> str:
    """Return a page as Markdown that needs nothing of this site.

    Args:
        text: The page as it is written, or as `support.labs` writes it.
        page: Where it stands, relative to the folder of all pages; links lead from there to other pages like it.
    """
    text = OBJECT.sub(lambda match: run(DESCRIBE.format(name=match[1])), expand(text, page))
    while BOX.search(text):
        text = BOX.sub(lambda match: f"**{match[1]}**\n\n{inspect.cleandoc(match[2])}\n\n", text)
    blocks: list[str] = []

    def keep(match: re.Match[str]) -> str:
        language, header, code = match.groups()
        if "exec=" not in header:
            blocks.append(match[0])
        elif "html=" in header:
            blocks.append(_told(run(code)))
        else:
            blocks.append(f"```{language}\n{code}```\n\n```text\n{run(code).rstrip()}\n```")
        return f"\0{len(blocks) - 1}\0"

    text = worked_out(FENCE.sub(keep, text))
    text = TAGS.sub("", ATTRIBUTES.sub("", FIGURE.sub(lambda match: _told(match[0]), text)))
    text = LAB.sub(r"\1.md", REFERENCE.sub(lambda match: f"[{match[1]}]({_reference(match[2], page)})", text))
    text = re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
    return re.sub("\0(\\d+)\0", lambda match: blocks[int(match[1])], text)


def _told(output: str) -> str:
    """Return the names and captions of the figures in HTML, and its tables."""
    parts = []
    for element in BeautifulSoup(output, "html.parser").select("figure, table"):
        if element.name == "table":
            rows = [[cell.get_text().strip() for cell in row.select("th, td")] for row in element.select("tr")]
            if rows:
                rows.insert(1, ["---"] * len(rows[0]))
                parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
        else:
            named, caption = element.find(attrs={"aria-label": True}), element.find("figcaption")
            parts.append(f"*Figure: {named['aria-label'] if isinstance(named, Tag) else ''}*")
            parts += [caption.get_text()] if caption else []
    return "\n\n".join(parts)


def _reference(name: str, page: str) -> str:
    """Return the way from a page to where `name` is documented."""
    for source in sorted(ROOT.glob("docs/api/*.md")):
        if re.search(rf"^::: {re.escape(name)}$", source.read_text(encoding="utf-8"), re.MULTILINE):
            return posixpath.relpath(f"api/{source.name}", posixpath.dirname(page) or ".")
    raise LookupError(f"{name} is documented nowhere")
