"""What no Markdown extension can do: hand the labs to MkDocs, and finish what is published."""

import base64
import gc
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from multiprocessing.pool import AsyncResult, ThreadPool
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from jinja2 import Environment, FileSystemBytecodeCache
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from mkdocs.utils import write_file

from docs.support import edition, install, labs, marks, publish, scripts, translation
from docs.support.execute import ROOT, fingerprint, run

KEPT = ROOT / ".cache"
TEMPLATES = FileSystemBytecodeCache(str(KEPT / "templates"))  # compiling them takes a sixth of a saved page's time
LOCK = FileLock(KEPT / "build.lock")  # two builds at once would train every model twice
log = logging.getLogger("mkdocs")
state: dict[str, Any] = {}
running: dict[str, AsyncResult[None]] = {}


class NameTheLine(logging.Filter):
    """Add the line to warnings of MkDocs and its plugins, which name a page and what is wrong there."""

    WARNING = re.compile(r"(?:Doc file '|^)([^':]+\.(?:md|py))'?.*?'([^']+)'", re.DOTALL)

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; let it pass."""
        match = self.WARNING.search(record.getMessage().removeprefix("mkdocs_autorefs: "))
        page = match and ROOT / "docs" / match[1]
        if match and page and page.exists() and record.levelno >= logging.WARNING:
            lines = page.read_text(encoding="utf-8").splitlines()
            line = next((n for n, text in enumerate(lines, 1) if match[2] in text), 1)
            record.msg, record.args = f"docs/{match[1]}:{line}: {record.getMessage()}", ()
        return True


def on_startup(command: str, dirty: bool) -> None:
    """Date the site by its sources, not by the clock; let every message that MkDocs shows name its line."""
    if shutil.which("git"):
        last = subprocess.run(
            ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        os.environ.setdefault("SOURCE_DATE_EPOCH", last.stdout.strip() or "0")
    if not sys.dont_write_bytecode:
        os.environ["PYTHONPYCACHEPREFIX"] = str(KEPT / "pycache")  # or importing `pe` would look like saving it
    gc.set_threshold(100_000)  # a site is much that stays: looking through it takes a tenth of a build
    state["published"] = command != "serve"  # while serving, a saved page is to be seen at once
    for handler in log.handlers:
        handler.addFilter(NameTheLine())


def on_config(config: MkDocsConfig) -> None:
    """Wait for other builds; keep what a lab gave while what it imports is the same, which the plugin does not see."""
    (KEPT / "templates").mkdir(parents=True, exist_ok=True)
    try:
        LOCK.acquire(timeout=0)
    except Timeout:
        log.info("Another build is running; this one waits for it")
        LOCK.acquire()
    for lab in running.values():  # of a build that failed
        lab.wait()
    running.clear()
    fingerprint.cache_clear()
    config.extra["published"] = state["published"]
    config.extra["installs"] = json.dumps(install.distributions(config.repo_url or ""))
    if config.site_url and not config.site_url.endswith("/"):
        config.site_url += "/"  # mike leaves it out
    os.environ["JUPYTER_CONFIG_DIR"] = str(ROOT / "docs/support/jupyter")
    os.environ["IPYTHONDIR"] = str(KEPT / "ipython")  # not in a home that may be read-only
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    os.environ["MATPLOTLIBRC"] = str(ROOT / "docs/figures/matplotlibrc")
    os.environ["MPLCONFIGDIR"] = str(KEPT / "matplotlib")
    config.plugins["mkdocstrings"].get_handler("python").env.bytecode_cache = TEMPLATES  # type: ignore[attr-defined]
    config.extra_css = [file for file in config.extra_css if "mkdocstrings" not in str(file)]  # only its pages need it
    cache = KEPT / "labs" / fingerprint("docs/figures/matplotlibrc", "docs/support/jupyter/*", "docs/labs/*.npz")
    config.plugins["mkdocs-jupyter"].config["cache_dir"] = str(cache)


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Bundle the scripts of the check; offer every lab as a notebook, and make its page last, when it has run."""
    scripts.bundle(files, config)
    for file in list(files):
        if is_lab(file):
            files.remove(file)
            files.append(file)
            content = labs.notebook(Path(str(file.abs_src_path)), config.repo_url or "", config.site_url or "")
            files.append(File.generated(config, file.src_uri.removesuffix(".py") + ".ipynb", content=content))
    edition.add(files, config)


def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> None:
    """Stop if a claim is explained nowhere; start all labs, which take longest."""
    state.update({"nav": nav, "files": files})
    state.update({"chinese nav": edition.menu(nav, files), "chinese": edition.settings(config)})
    pages = {file.src_uri: file.content_string for file in files.documentation_pages()}
    if missing := marks.uncited(pages):
        raise PluginError("no mark leads to these claims from the page that is to explain them:\n" + "\n".join(missing))
    threads = ThreadPool(8)  # which do not keep the program from ending
    for file in files.documentation_pages():
        if file.page and is_lab(file):
            config.plugins["mkdocs-jupyter"].on_pre_page(file.page, config=config, files=files)
            running[file.src_uri] = threads.apply_async(file.page.render, (config, files))
    threads.close()


def on_env(env: Environment, config: MkDocsConfig, files: Files) -> None:
    """Keep compiled templates; let them say what they say in the language of a page, which is English unless told."""
    env.bytecode_cache = TEMPLATES
    env.globals["say"] = translation.voice("")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return what a page is to be made of: for a lab, its text and what it printed and drew."""
    if is_lab(page.file):
        running.pop(page.file.src_uri).get()
        del page.render  # the plugin's; from here on a lab is a page like all others
        state[page.file.src_uri] = str(page.content)
    source = translation.pages().get(page.file.src_uri, page.file.src_uri)
    if not source.endswith(".py"):
        return markdown
    return labs.markdown(page.file.content_string, state[source], source, config.extra["colab"], page.file.src_uri)


def on_page_context(context: dict[str, Any], page: Page, config: MkDocsConfig, nav: Navigation) -> None:
    """Let a page know those that say the same in another language, and give a Chinese one its menu and its theme."""
    context["languages"] = edition.counterparts(page, state["files"])
    if page.file.src_uri.startswith("zh/"):
        say = translation.voice(page.file.src_uri)
        said = {text: say(text) for text in translation.scripted(page.file.content_string)}
        context.update({"nav": state["chinese nav"], "config": state["chinese"], "say": say})
        context["said"] = json.dumps(said, ensure_ascii=False) if said else ""


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> None:
    """Let a published page say in its head what it is about, and keep it as Markdown."""
    if config.extra["published"]:
        publish.describe(page, html)


def on_post_page(output: str, page: Page | None, config: MkDocsConfig) -> str:
    """Forbid a page whatever it does not need; what serves it adds a script of its own."""
    return publish.secured(output) if config.extra["published"] else output


def on_post_template(output: str, template_name: str, config: MkDocsConfig) -> str:
    """Treat the page for addresses that do not exist like all others."""
    return on_post_page(output, None, config) if template_name == "404.html" else output


def on_post_build(config: MkDocsConfig) -> None:
    """Write what stands beside the pages."""
    edition.split_search(config)
    if config.extra["published"]:
        publish.write(state["nav"], config)
        publish.write(state["chinese nav"], state["chinese"], "zh/")
        card = run(f"from docs.figures.card import draw\ndraw({config.site_name!r})")
        write_file(base64.b64decode(card), str(Path(config.site_dir, "assets/card.png")))
    LOCK.release()


def on_build_error(error: Exception) -> None:
    """Let other builds go on."""
    LOCK.release()


def is_lab(file: File) -> bool:
    """Return whether a file is a notebook that becomes a page."""
    return file.src_uri.startswith("labs/") and file.src_uri.endswith(".py")
