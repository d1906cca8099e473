"""What no Markdown extension can do: hand the labs to MkDocs as pages and as notebooks."""

import errno
import gc
import json
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from jinja2 import Environment, FileSystemBytecodeCache
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page

from support import labs, marks, publish, slim
from support.run import ROOT, fingerprint

SUPPORT = ROOT / "docs" / "support"
KEPT = ROOT / ".cache"
# Two builds at once would mix in one folder, and train every model twice. Whoever is killed leaves no lock behind.
LOCK = FileLock(KEPT / "build.lock")


class NameTheLine(logging.Filter):
    """Add the line to warnings of MkDocs and its plugins, which name a page and what is wrong there."""

    docs = Path()
    WARNING = re.compile(r"(?:Doc file '|^)([^':]+\.(?:md|py))'?.*?'([^']+)'", re.DOTALL)

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; let it pass."""
        match = self.WARNING.search(record.getMessage().removeprefix("mkdocs_autorefs: "))
        page = match and self.docs / match[1]
        if match and page and page.exists() and record.levelno >= logging.WARNING:
            lines = page.read_text(encoding="utf-8").splitlines()
            line = next((n for n, text in enumerate(lines, 1) if match[2] in text), 1)
            record.msg, record.args = f"docs/{match[1]}:{line}: {record.getMessage()}", ()
        return True


publishing: dict[str, Any] = {}
running: dict[str, Future[None]] = {}


def on_startup(command: str, dirty: bool) -> None:
    """Let every message that MkDocs shows pass the filter; date the site by its sources, not by the clock."""
    if shutil.which("git"):
        date_of_last_commit = ["git", "log", "-1", "--format=%ct"]
        last = subprocess.run(date_of_last_commit, cwd=ROOT, capture_output=True, text=True, check=False)
        os.environ.setdefault("SOURCE_DATE_EPOCH", last.stdout.strip() or "0")
    # What serves adds a script of its own, and a saved page is to be seen at once.
    publishing["published"] = command == "build"
    for handler in logging.getLogger("mkdocs").handlers:
        handler.addFilter(NameTheLine())


def templates() -> FileSystemBytecodeCache:
    """Return where compiled templates are kept."""
    folder = KEPT / "templates"
    folder.mkdir(exist_ok=True)
    return FileSystemBytecodeCache(str(folder))


def on_config(config: MkDocsConfig) -> None:
    """Wait for other builds; keep what a lab gave while what it imports is the same, which the plugin does not see."""
    KEPT.mkdir(exist_ok=True)
    try:
        LOCK.acquire(timeout=0)
    except Timeout:
        logging.getLogger("mkdocs").info("Another build is running; this one waits for it")
        LOCK.acquire()
    gc.disable()  # it would take a fifth of the time; on_post_build enables it
    fingerprint.cache_clear()
    if config.site_url and not config.site_url.endswith("/"):
        config.site_url += "/"  # mike leaves it out
    NameTheLine.docs = Path(config.docs_dir)
    os.environ["JUPYTER_CONFIG_DIR"] = str(SUPPORT / "jupyter")
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    os.environ["MATPLOTLIBRC"] = str(SUPPORT / "matplotlibrc")
    os.environ["MPLCONFIGDIR"] = str(KEPT / "matplotlib")
    config.plugins["mkdocstrings"].get_handler("python").env.bytecode_cache = templates()  # type: ignore[attr-defined]
    cache = KEPT / "labs" / fingerprint("docs/support/matplotlibrc", "docs/support/jupyter/*")
    config.plugins["mkdocs-jupyter"].config["cache_dir"] = str(cache)
    for entry in cache.glob("*.json"):
        try:
            json.loads(entry.read_text(encoding="utf-8"))
        except ValueError:  # a build was interrupted while writing it
            entry.unlink()


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Offer every lab as a notebook; make its page last, when it has run."""
    for file in list(files):
        if file.src_uri.startswith("labs/") and file.src_uri.endswith(".py"):
            files.remove(file)
            files.append(file)
            content = labs.notebook(Path(str(file.abs_src_path)), config.repo_url or "")
            files.append(File.generated(config, file.src_uri.removesuffix(".py") + ".ipynb", content=content))


def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> None:
    """Keep the order of the pages for what is written beside them; start all labs, which take longest."""
    publishing["nav"] = nav
    for file in files.documentation_pages():  # also those that the navigation has left out, which is to be said later
        if file.page and file.src_uri.startswith("labs/"):
            config.plugins["mkdocs-jupyter"].on_pre_page(file.page, config=config, files=files)
            running[file.src_uri] = labs.in_background(file.page.render, config, files)


def on_env(env: Environment, config: MkDocsConfig, files: Files) -> None:
    """Keep compiled templates; stop if a claim is explained nowhere."""
    env.bytecode_cache = templates()
    pages = {file.src_uri: file.content_string for file in files.documentation_pages()}
    if missing := marks.uncited(pages):
        raise PluginError("no mark leads to these claims from the page that is to explain them:\n" + "\n".join(missing))


def on_pre_page(page: Page, config: MkDocsConfig, files: Files) -> None:
    """Let MkDocs render a lab, once the plugin has run it."""
    if page.file.src_uri.startswith("labs/"):
        run_by_plugin: Callable[[MkDocsConfig, Files], None] = page.render

        def render(config: MkDocsConfig, files: Files) -> None:
            running.pop(page.file.src_uri).result()
            run_by_plugin(config, files)  # finds the result kept, unless the lab was saved meanwhile
            source, name = page.file.content_string, f"docs/{page.file.src_uri}"
            page.markdown = labs.markdown(source, str(page.content), name, config.extra["colab"])
            Page.render(page, config, files)

        page.render = render  # type: ignore[method-assign]


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> None:
    """Let a published page say in its head what it is about, and have a picture of that."""
    if publishing["published"]:
        publish.describe(page, html, config)


def on_post_page(output: str, page: Page | None, config: MkDocsConfig) -> str:
    """Let a published page ask for the one style sheet, and forbid it whatever it does not need."""
    if not publishing["published"]:
        return output
    # Whoever has no script, or a keyboard alone, can scroll what is wider than the screen.
    output = slim.linked(output).replace("<pre><span></span><code>", '<pre><span></span><code tabindex="0">')
    return publish.secured(output)


def on_post_template(output: str, template_name: str, config: MkDocsConfig) -> str:
    """Treat the page for addresses that do not exist like all others."""
    return on_post_page(output, None, config) if template_name == "404.html" else output


def on_post_build(config: MkDocsConfig) -> None:
    """Write what stands beside the pages, and make small what they fetch."""
    if publishing["published"]:
        publish.write(publishing["nav"], config)
        slim.slim(Path(config.site_dir))
    gc.enable()
    LOCK.release()


def on_build_error(error: Exception) -> None:
    """Let other builds go on; say in a line what no program can mend."""
    LOCK.release()
    if isinstance(error, OSError) and error.errno in {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOSPC,
        errno.EDQUOT,
    }:
        raise PluginError(f"this build cannot write its files: {error}") from None
