"""Build the site with what may follow MkDocs, and compare what a reader gets: `make successors`.

ProperDocs has to give the same files. Zensical ignores hooks and knows no notebooks, so only the pages that are
Markdown are compared, letter by letter.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).parents[1]
PARTS = ("pe", "docs", ".cache", "mkdocs.yml", "constraints.txt", "CHANGELOG.md")
COMMANDS = {
    "mkdocs": "mkdocs build --strict --site-dir mkdocs",
    "properdocs": "properdocs build --strict --config-file mkdocs.yml --site-dir properdocs",
    "zensical": "zensical build --strict --config-file mkdocs.yml",  # into the folder `site`
}
GENERATOR = re.compile(rb'<meta name="generator"[^>]*>')


def letters(page: Path) -> str:
    """Return the text of a page without blanks, which builders put elsewhere, and signs that lead to its headings."""
    article = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find("article")
    assert isinstance(article, Tag)
    for link in article.select(".headerlink, .md-content__button, .md-source-file"):
        link.decompose()
    return "".join(article.get_text().split())


def files(site: Path) -> dict[str, bytes]:
    """Return what stands in a site, without the name of the program that made it."""
    found = (file for file in site.rglob("*") if file.is_file() and file.suffix != ".gz")
    return {str(file.relative_to(site)): GENERATOR.sub(b"", file.read_bytes()) for file in found}


def main() -> str | None:
    """Return what to say if something differs."""
    differing = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in PARTS:
            source = ROOT / part
            if source.exists():
                (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / part)
        env = os.environ | {"PYTHONPATH": str(folder), "NO_MKDOCS_2_WARNING": "1"}
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
        for command in COMMANDS.values():
            subprocess.run(command.split(), cwd=folder, env=env, check=True)
        ours, theirs = files(folder / "mkdocs"), files(folder / "properdocs")
        differing += [f"ProperDocs: {path}" for path in ours.keys() | theirs if ours.get(path) != theirs.get(path)]
        for page in sorted(path.relative_to(folder / "docs") for path in folder.glob("docs/**/*.md")):
            built = page.with_name("index.html") if page.stem == "index" else page.with_suffix("") / "index.html"
            if letters(folder / "mkdocs" / built) != letters(folder / "site" / built):
                differing.append(f"Zensical: {page}")
    return "\n".join(["These differ from what MkDocs builds:", *differing]) if differing else None


if __name__ == "__main__":
    sys.exit(main())
