"""What an index shows of the package: the addresses in SITE_URL and REPO_URL, and README for who has no clone.

Where the site and its sources live is for whoever publishes them to say. Without an address a link becomes its words,
and README says how to install from a clone; with one, how to install from there.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

IN_A_CLONE = re.compile(r"`pip install '?\.(\[\w+\])?'?` in the clone")
RELATIVE = re.compile(r"\[([^]]+)\]\((?!https?://)([^)]+)\)")


class CustomMetadataHook(MetadataHookInterface):
    """Fills in what pyproject.toml calls dynamic, but for the version."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme` and `urls`."""
        site, repository = os.environ.get("SITE_URL"), os.environ.get("REPO_URL", "").rstrip("/")
        files = f"{repository}/blob/HEAD"
        readme = Path(self.root, "README.md").read_text(encoding="utf-8")
        readme = RELATIVE.sub(rf"[\1]({files}/\2)" if repository else r"\1", readme)
        if repository:
            readme = IN_A_CLONE.sub(rf'`pip install "absolute-pe\1 @ git+{repository}"`', readme)
        metadata["readme"] = {"content-type": "text/markdown", "text": readme}
        metadata["urls"] = {"Documentation": site} if site else {}
        if repository:
            metadata["urls"] |= {"Source": repository, "Changelog": f"{files}/CHANGELOG.md"}
