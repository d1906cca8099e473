"""The Chromium that the browser tests drive: found, or installed by `python -m tests.browser`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
MISSING = """The browser tests need Chromium or Chrome, and there is none.
Install one (on Debian: apt install chromium), or say where it is: CHROMIUM=/path/to/chromium make test"""
# Nothing but the site itself is looked up, and nothing is fetched in the background.
FLAGS = [
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-gpu", "--disable-quic"),
]


def find() -> str:
    """Return the path of a Chromium, or an empty string."""
    if "CHROMIUM" in os.environ:
        return shutil.which(os.environ["CHROMIUM"]) or ""
    for name in (*NAMES, str(MACOS)):
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else ""


def install() -> None:
    """Install Debian's Chromium where that is possible, else the one that Playwright offers."""
    if shutil.which("apt-get") and os.geteuid() == 0 and "ID=debian" in Path("/etc/os-release").read_text("utf-8"):
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-qq", "--no-install-recommends", "chromium"], check=False)
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


if __name__ == "__main__":
    if "CHROMIUM" not in os.environ and not find():
        install()
    if not find():
        sys.exit(MISSING)
