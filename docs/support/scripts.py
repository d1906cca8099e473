"""Scripts that import others become one file each, without comments, as servers send them faster."""

import re
from pathlib import Path

IMPORT = re.compile(r'^import [^;]*? from "(\./[^"]+)";\n', re.MULTILINE)
NAME = re.compile(r"^(?:export )?(?:const|let|function\*?|class) (\w+)", re.MULTILINE)
COMMENT = re.compile(r"^\s*/\*\*.*?\*/\n|(?:^|[ ]+)// [^\n]*$", re.MULTILINE | re.DOTALL)


def modules(entry: Path) -> list[Path]:
    """Return the files that a script imports, itself last, each after those that it imports."""
    found: dict[Path, None] = {}
    for name in IMPORT.findall(entry.read_text(encoding="utf-8")):
        found |= dict.fromkeys(modules((entry.parent / name).resolve()))
    return [*found, entry]


def bundled(entry: Path) -> str:
    """Return a script with all that it imports, in one scope, so that a name may be given only once.

    Raises:
        ValueError: If two of the files give the same name.
    """
    texts = [file.read_text(encoding="utf-8") for file in modules(entry)]
    names = [name for text in texts for name in NAME.findall(text)]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{entry.name} and what it imports name more than one thing {', '.join(sorted(twice))}")
    text = re.sub(r"^export ", "", "".join(IMPORT.sub("", text) for text in texts), flags=re.MULTILINE)
    return re.sub(r"^\s+", "", COMMENT.sub("", text), flags=re.MULTILINE)
