"""What no Markdown extension can do: the cache of the labs, and labs that look like every other page."""

import os

from mkdocs.config.defaults import MkDocsConfig

from support.run import ROOT, fingerprint

SUPPORT = ROOT / "docs" / "support"


def on_config(config: MkDocsConfig) -> None:
    """Keep what a lab gave for as long as `pe` is what it was; the plugin knows of the lab's own text alone."""
    os.environ["JUPYTER_CONFIG_DIR"] = str(SUPPORT / "jupyter")
    os.environ["MATPLOTLIBRC"] = str(SUPPORT / "matplotlibrc")
    config.plugins["mkdocs-jupyter"].config["cache_dir"] = str(ROOT / ".cache" / "labs" / fingerprint()[:16])
