"""Where the package of this site comes from, and what a program needs to be installed: the one place that says so.

Not `pip install pe`: on the index that is another package. Once `absolute-pe` is there, `package` is its name.
"""

import re

# The distributions of what programs import, as a shell writes them; anything else comes with Python.
DISTRIBUTIONS = {
    "flax": "flax",
    "jax": "jax",
    "keras": "keras",
    "matplotlib": "matplotlib",
    "mlx": '"mlx[cpu]"',
    "mpmath": "mpmath",
    "numpy": "numpy",
    "seaborn": "seaborn",
    "sklearn": "scikit-learn",
    "torch": "torch",
    "transformers": "transformers",
}
WANTED = re.compile(r"\{\{ install(\[\w+\])?((?: --[\w-]+)*) \}\}")


def package(repository: str, extras: str = "") -> str:
    """Return what pip is to install from the repository, as a shell writes it."""
    return f'"absolute-pe{extras} @ git+{repository}"'


def command(repository: str, extras: str = "", options: str = "") -> str:
    """Return the line that installs the package, without an address from a clone."""
    if repository:
        return f"pip install{options} {package(repository, extras)}"
    clone = f"'.{extras}'" if extras else "."
    return f"pip install{options} {clone}  # in a clone of the repository"


def commands(text: str, repository: str) -> str:
    """Return `text` with that line for each `{{ install }}`, `{{ install[figures] }}` or `{{ install --option }}`."""
    return WANTED.sub(lambda match: command(repository, match[1] or "", match[2]), text)


def distributions(repository: str) -> dict[str, str]:
    """Return what to install for each module that a program may import; nothing for `pe` if it has no address."""
    return DISTRIBUTIONS | {"pe": package(repository, "[figures]") if repository else ""}


def cell(program: str, repository: str) -> str:
    """Return the line of a notebook that installs what a program imports; docs/assets/notebook.js does the same."""
    imported = set(re.findall(r"^ *(?:import|from) (\w+)", program, re.MULTILINE))
    needed = [name for module, name in distributions(repository).items() if name and module in imported]
    return f"%pip install --quiet {' '.join(needed)}"
