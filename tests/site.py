"""The site as a whole: its pages, the addresses it is built with, its build."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mkdocs.utils.yaml import yaml_load

from tests.conftest import ROOT


def addresses(nav: Any) -> list[str]:
    """Return where the pages of a navigation stand, relative to the site."""
    if isinstance(nav, str):
        name = nav.rpartition(".")[0]
        return ["" if name == "index" else f"{name}/"]
    return [address for item in (nav.values() if isinstance(nav, dict) else nav) for address in addresses(item)]


PAGES = addresses(yaml_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
SITE_URL = "https://example.org/encoding/"
REPO_URL = "https://github.com/example/encoding"
COLAB_URL = "https://colab.research.google.com/github/example/encoding/blob/gh-pages/latest/"


def build(folder: Path, root: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    """Build the site of the checkout at `root` into `folder`, strictly."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    env = os.environ | env | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
