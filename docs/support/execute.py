"""Run the code of a page: each block a complete program in a process of its own, its output kept.

Output is kept by a hash of everything it can depend on: the code itself, every file of `pe`, the figures and claims
that it imports, the programs that it names, the versions that `constraints.txt` names, and Python. So a changed
sentence costs nothing, and a changed formula renews everything.
"""

import contextlib
import functools
import hashlib
import importlib
import io
import linecache
import logging
import multiprocessing
import re
import sys
import tempfile
import traceback
import types
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "blocks"
IMPORT = re.compile(r"^\s*(?:from|import) (docs[\w.]*)(?: import (\([^)]*\)|.+))?", re.MULTILINE)
PROGRAM = re.compile(r"docs/programs/[\w.]+")


class BlockError(Exception):
    """A block failed; the message is its traceback."""


@functools.cache  # for one build: docs/support/hooks.py
def fingerprint(*more: str) -> str:
    """Return a hash of Python, of the versions to be installed, of `pe`, and of the files that match `more`."""
    digest = hashlib.sha256(sys.version.encode())
    for pattern in ("constraints.txt", "pe/**/*.py", *more):
        for file in sorted(ROOT.glob(pattern)):
            digest.update(f"{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:32]


def imported(code: str) -> list[str]:
    """Return the files below `docs` that a program imports, and those that they import; with the data of figures."""
    files: list[str] = []
    unread = [code]
    while unread:
        for package, names in IMPORT.findall(unread.pop()):
            for module in (package, *(f"{package}.{name}" for name in re.findall(r"\w+", names))):
                path = module.replace(".", "/")
                new = [file for file in (f"{path}.py", f"{path}/__init__.py") if (ROOT / file).is_file()]
                unread += [(ROOT / file).read_text(encoding="utf-8") for file in new if file not in files]
                files += [file for file in new if file not in files]
    data = ("docs/figures/matplotlibrc", "docs/figures/*.json", "docs/assets/*.json", "docs/labs/*.npz")
    return [*sorted(files), *data] if files else []


def run(code: str, name: str = "block", line: int = 1) -> str:
    """Return what `code` prints, from the cache if nothing has changed.

    Args:
        code: A complete program.
        name: The file that a traceback names.
        line: Where the program begins in that file.
    """
    named = [file for program in PROGRAM.findall(code) for file in (program, "docs/programs/kept.json")]
    files = "docs/support/execute.py", "docs/support/preload.py", *imported(code), *named
    depends = fingerprint(*files)
    entry = CACHE / hashlib.sha256((depends + code).encode()).hexdigest()
    if entry.exists():
        return entry.read_text(encoding="utf-8")
    succeeded, output = in_new_process(code, name, line)
    if not succeeded:
        raise BlockError(output)
    if fingerprint.__wrapped__(*files) != depends:
        return output  # something was saved meanwhile, and nobody knows which version this is of
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=CACHE, delete=False, encoding="utf-8", newline="") as file:
        file.write(output)
    Path(file.name).replace(entry)  # in one move: no other build reads half of it
    return output


@functools.cache
def _context() -> Any:
    """Return the way to new processes: copies of one that has imported what is slow to import, though never `pe`."""
    if "forkserver" not in multiprocessing.get_all_start_methods():  # on Windows each imports for itself
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["docs.support.preload"])
    return context


def in_new_process(code: str, name: str = "block", line: int = 1) -> tuple[bool, str]:
    """Run `code` as `run` does, whether it has run before or not; return whether it ended well, and what it printed."""
    here, there = _context().Pipe(duplex=False)
    process = _context().Process(target=_child, args=(there, code, name, line))
    with _without_main():
        process.start()
    there.close()
    try:
        result: tuple[bool, str] = here.recv()
    except EOFError:
        result = False, "the process ended without a word"
    process.join()
    return result


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Hide the main script from the new process, which would run it to find its functions."""
    main, kept = sys.modules["__main__"], {}
    for attribute in ("__file__", "__spec__"):
        kept[attribute] = getattr(main, attribute, None)
        setattr(main, attribute, None)
    try:
        yield
    finally:
        for attribute, value in kept.items():
            setattr(main, attribute, value)


class _Raise(logging.Handler):
    """Make an error of what a library complains of in its log: a typeface that is missing, say."""

    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError(record.getMessage())


def _child(connection: Connection, code: str, name: str, line: int) -> None:
    importlib.import_module("docs.support.preload")
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "Guards may run slower")  # torch on Python 3.13.0, whatever the program
    logging.getLogger().addHandler(_Raise(logging.WARNING))
    printed = io.StringIO()
    padded = "\n" * (line - 1) + code
    main = sys.modules["__main__"] = types.ModuleType("__main__")  # where pickle looks for what a program defines
    linecache.cache[name] = (len(padded), None, padded.splitlines(keepends=True), name)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        try:
            exec(compile(padded, name, "exec"), main.__dict__)
            result = True, printed.getvalue()
        except BaseException as error:
            # The first frame is this function's own.
            trace = error.__traceback__ and error.__traceback__.tb_next
            result = False, "".join(traceback.format_exception(type(error), error, trace))
    connection.send(result)
