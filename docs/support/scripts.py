"""Scripts of many modules become one file each, without comments and spaces, which readers get sooner."""

import re
from pathlib import Path

import rjsmin
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

IMPORT = re.compile(r'^import [^;]*? from "(\./[^"]+)";\n', re.MULTILINE)
NAME = re.compile(r"^(?:export )?(?:const|let|(?:async )?function\*?|class) (\w+)", re.MULTILINE)


def bundle(files: Files, config: MkDocsConfig) -> None:
    """Make one file of each script of the page Check your table, the one of the page and the one beside it."""
    for file in list(files):
        path = Path(str(file.abs_src_path))
        if file.src_uri in {"assets/check.js", "assets/check/worker.js"}:
            files.remove(file)
            files.append(File.generated(config, file.src_uri, content=bundled(path)))
        elif file.src_uri.startswith("assets/check/"):
            files.remove(file)


def modules(entry: Path) -> list[Path]:
    """Return the files that a script imports, each after those that it imports itself, and the script last."""
    found: dict[Path, None] = {}
    for name in IMPORT.findall(entry.read_text(encoding="utf-8")):
        found |= dict.fromkeys(modules((entry.parent / name).resolve()))
    return [*found, entry]


def bundled(entry: Path) -> str:
    """Return a script with all that it imports, in one scope, so that a name may be given only once."""
    texts = [file.read_text(encoding="utf-8") for file in modules(entry)]
    names = [name for text in texts for name in NAME.findall(text)]
    if twice := {name for name in names if names.count(name) > 1}:
        raise PluginError(f"{entry.name} and the scripts that it imports name two things {', '.join(sorted(twice))}")
    text = re.sub(r"^export ", "", "".join(IMPORT.sub("", text) for text in texts), flags=re.MULTILINE)
    return str(rjsmin.jsmin(text))
