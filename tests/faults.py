"""Break things one at a time and see that something notices: `make faults`.

Each fault is put into a copy of the checkout. Then the checks that are to notice run, the quick ones first. What came
out is kept in `.cache/faults.json`, so that a run that was stopped goes on where it was; a change of the checkout
begins it anew. Arguments choose faults by a part of their name.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEPT = ROOT / ".cache" / "faults.json"
PARTS = ("pe", "docs", "tests", ".cache", "mkdocs.yml", "constraints.txt", "pyproject.toml", "README.md")

LIBRARY = (
    "pytest -x -q -n 2 tests/test_sinusoidal.py tests/test_module.py tests/test_properties.py tests/test_figures.py"
)
BUILD = "mkdocs build --strict"
SITE = "pytest -x -q -n 2 tests/test_docs.py tests/test_site.py tests/test_browser.py"
CLAIMS = "pytest -x -q -n 2 tests/test_claims.py"


@dataclass(frozen=True)
class Fault:
    """One place in one file, and what stands there instead."""

    file: str
    old: str
    new: str
    checks: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.file}: {self.old.strip()} → {self.new.strip()}"

    def text(self) -> str:
        """Return the file with the fault in it."""
        text = (ROOT / self.file).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise LookupError(f"{self.file} has {self.old!r} {text.count(self.old)} times, not once")
        return text.replace(self.old, self.new)


def faults(file: str, checks: tuple[str, ...], *pairs: tuple[str, str]) -> list[Fault]:
    return [Fault(file, old, new, checks) for old, new in pairs]


FAULTS = [
    *faults(
        "pe/sinusoidal.py",
        (LIBRARY,),
        ("block[..., sines] = angles.sin()", "block[..., sines] = angles.cos()"),
        ("base ** (-columns / d_model)", "base ** (-columns / (d_model + 1))"),
        ("base ** (-columns / d_model)", "base ** (columns / d_model)"),
        ("torch.arange(0, d_model, 2, dtype=torch.float64", "torch.arange(0, d_model, 2, dtype=torch.float32"),
        ("return 2 * math.pi / frequencies", "return math.pi / frequencies"),
        ("abs(offset + seq_len - 1)", "0"),
        ("angles[..., : d_model // 2].cos()", "angles[..., -(d_model // 2) :].cos()"),
        ("dtype or torch.float32, device=device", "dtype, device=device"),
        ('("requires_grad", out.requires_grad, False)', '("requires_grad", False, False)'),
        ('("shape", tuple(out.shape), (seq_len, d_model))', '("shape", (), ())'),
        ('("dtype", out.dtype, dtype or out.dtype)', '("dtype", 0, 0)'),
        ('seq_len = check.integer("seq_len", seq_len, at_least=0)', "seq_len = int(seq_len)"),
        ('check.reach("positions", p.detach().abs().max().item(), base)', "pass"),
        (
            "p = positions.to(_float64_device(positions.device), torch.float64)",
            "p = positions.double().float().double()",
        ),
        (
            "_encode(p, d_model, base, layout, dtype).to(positions.device)",
            "_encode(p, d_model, base, layout, dtype).float()",
        ),
    ),
    *faults(
        "pe/_rows.py",
        (LIBRARY,),
        ("torch.complex(angles.cos(), -angles.sin())", "torch.complex(angles.cos(), angles.sin())"),
        ("first >= 0 and last <= near", "last <= near"),
        ("start = first // rows * rows", "start = first"),
        ("begin = low // near * near", "begin = low"),
        ("if start == 0 and last <= rows:", "if last <= rows:"),
        ("round(mantissa * 2**21), exponent - 21", "round(mantissa * 2**53), exponent - 53"),
        ("float(context.subtract(omega, Decimal(digits[i])))", "0.0"),
        ("rows[:, 1:d_model:2]", "rows[:, 0:d_model:2]"),
        ("table[:, sines] = rows[:, 0::2]", "table[:, sines] = rows[:, 1::2]"),
        ("slice(d_model - sines, None), slice(0, d_model - sines)", "slice(0, sines), slice(sines, None)"),
        ("return slice(0, sines), slice(sines, None)", "return slice(0, sines - 1), slice(sines - 1, None)"),
        ("min(last, group + 32 * rows), rows", "min(last, group + 31 * rows), rows"),
        ("max(first, q + low), min(last, q + high)", "max(first, q + low), min(last, q + high) - 1"),
        ("_turns(*span, coarse) * _turns(*span, rest)", "_turns(*span, coarse)"),
        ("Decimal(-2), Decimal(d_model)", "Decimal(-1), Decimal(d_model)"),
        ("rows[:, :d_model] if d_model % 2 else rows", "rows"),
    ),
    *faults(
        "pe/_checks.py",
        (LIBRARY,),
        ("if isinstance(value, bool):\n            raise TypeError", "if False:\n            raise TypeError"),
        ("number < at_least", "number <= at_least"),
        ("math.isfinite(number) and low", "low"),
        ("LARGEST_ANGLE = 2.0**32", "LARGEST_ANGLE = 2.0**33"),
        ("if not position <= limit:", "if position > limit:"),
        ("value.dtype == torch.bool or value.is_complex()", "value.is_complex()"),
        ("not dtype.is_floating_point", "False"),
        ("min(1.0, base)", "1.0"),
    ),
    *faults(
        "pe/module.py",
        (LIBRARY,),
        ("torch.add(encoding, x, alpha=self.scale)", "torch.add(x, encoding, alpha=self.scale)"),
        ("or table.dtype != x.dtype", ""),
        ("not self._first <= offset <=", "not 0 <= offset <="),
        ('return self.__dict__ | {"_table": None}', "return self.__dict__"),
        ("dropout.training and dropout.p", "dropout.p"),
        ("elif offset != 0:", "elif offset > 0:"),
        ("torch.arange(offset, offset + seq_len, device=x.device)", "torch.arange(seq_len, device=x.device)"),
    ),
    *faults(
        "pe/properties.py",
        (LIBRARY,),
        ("matrix[sines, cosines] = angles.sin()", "matrix[sines, cosines] = -angles.sin()"),
        ("(lags[..., None] * omega).cos().mean(-1)", "(lags[..., None] * omega).cos().sum(-1)"),
        ("if d_model % 2:", "if d_model % 2 and d_model > 1:"),
        ("lags.abs().max()", "lags.max()"),
    ),
    *faults(
        "pe/figures.py",
        (LIBRARY,),
        ('cmap="coolwarm"', 'cmap="viridis"'),
        ("ax.xaxis.tick_top()", "ax.xaxis.tick_bottom()"),
        ("arc = torch.linspace(start, start - angle, 60)", "arc = torch.linspace(start, start + angle, 60)"),
        ("d_model * (1 - properties", "2 * d_model * (1 - properties"),
    ),
    *faults(
        "docs/formula.md",
        (BUILD, SITE),
        ("1/100 at width 4", "$\\nothing$ at width 4"),
        ("(frequency.md#what-the-base-decides)", "(frequency.md#what-the-base-does)"),
    ),
    *faults(
        "docs/properties.md",
        (BUILD, SITE),
        ("[[shift-is-a-rotation]]", "[[shift-is-no-rotation]]"),
        ("pe.figures.distances((4, 16, 64, 512)", "pe.figures.distances((4, 16, 63, 512)"),
        ("rotation = pe.shift_matrix(3, 64)", "rotation = pe.shift_matrix(3, 65)"),
    ),
    *faults(
        "docs/usage.md",
        (BUILD, SITE),
        ("[[needs-a-max-len]]", ""),
        ("(pros-and-cons.md#extends-to-longer-sequences)", "(pros-and-con.md#extends-to-longer-sequences)"),
    ),
    *faults(
        "docs/bugs.md",
        (BUILD, SITE),
        ("(#every-token-at-position-0)", "(#every-token-at-position-1)"),
        ("[`offset=`](usage.md#decoding-step-by-step)", "[`offset=`][pe.offset]"),
    ),
    *faults(
        "docs/labs/digits.py",
        (BUILD, SITE),
        ('# %% figure="Six of the scanned digits', '# %% fig="Six of the scanned digits'),
    ),
    *faults(
        "docs/support/claims/columns.py",
        (CLAIMS,),
        ("below=1.04e-4", "below=1.03e-4"),
        (
            '"High dimensions vary faster than low ones",\n    "false"',
            '"High dimensions vary faster than low ones",\n    "true"',
        ),
        ("other_spacing = 10_000 ** (512 / 510)", "other_spacing = 10_000"),
    ),
    *faults(
        "docs/support/figure.py",
        (BUILD, SITE),
        ('role="img" aria-label="{escape(name)}"', 'role="img"'),
        ('.replace(INK, "currentColor")', ""),
        ('\' id="([^"]*)"\'', '\' idee="([^"]*)"\''),
    ),
    *faults(
        "docs/support/publish.py",
        (BUILD, SITE),
        ("script-src 'self' {hashes};", "script-src 'self' 'unsafe-inline';"),
        ("font-src 'self';", "font-src 'none';"),
    ),
    *faults(
        "docs/support/slim.py",
        (BUILD, SITE),
        ('onload:()=>document.dispatchEvent(new Event("DOMContentLoaded"))', "async:true"),
        ('\'x("div",{class:"md-code__nav"})\'', '\'x("nav",{class:"md-code__nav"})\''),
    ),
    *faults(
        "docs/assets/style.css",
        (BUILD, SITE),
        ("--md-default-fg-color--light: #545b69;", "--md-default-fg-color--light: #b4bbc9;"),
        ("[data-md-copying] :is(.gp, .go),", ""),
        (".formula { overflow-x: auto;", ".formula { min-width: 60rem;"),
        ("src: url(fonts/stix-two-text.woff2)", "src: url(fonts/stix-two.woff2)"),
    ),
    *faults(
        "docs/assets/explorer.js",
        (BUILD, SITE),
        ("row[sine] = Math.sin(position * w)", "row[sine] = Math.cos(position * w)"),
        ("base ** ((-2 * i) / width)", "base ** (-i / width)"),
        ("sin_cos: (i, width) => [i, i + width / 2]", "sin_cos: (i, width) => [i + width / 2, i]"),
        ("history.replaceState(", "void ("),
        ("ArrowDown: [1, 0]", "ArrowDown: [0, 1]"),
    ),
    *faults(
        "mkdocs.yml",
        (BUILD, SITE),
        ("      - Formula: formula.md\n", ""),
        ("    - content.code.copy\n", ""),
        ("favicon: assets/logo.svg", "favicon: assets/icon.svg"),
        ("  - search\n", "  - search: {lang: de}\n"),
    ),
]


def notice(fault: Fault) -> str:
    """Return the first check that notices a fault; an empty string if none does."""
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, Path(folder, part))
        Path(folder, fault.file).write_text(fault.text(), encoding="utf-8")
        env = os.environ | {"PYTHONPATH": f"{folder}:{folder}/docs", "NO_MKDOCS_2_WARNING": "1"}
        for check in fault.checks:
            command = [sys.executable, "-m", *check.split()]
            if subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False).returncode:
                return check
    return ""


def main(*wanted: str) -> str | None:
    """Try the faults that are not known yet; return what to say if one survives."""
    state = hashlib.sha256()
    for file in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines():
        state.update(file.encode() + (ROOT / file).read_bytes())
    known = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    outcomes = known["outcomes"] if known.get("state") == state.hexdigest() else {}
    chosen = [fault for fault in FAULTS if not wanted or any(part in fault.name for part in wanted)]
    for number, fault in enumerate(chosen, 1):
        if fault.name not in outcomes:
            outcomes[fault.name] = notice(fault)
            KEPT.parent.mkdir(exist_ok=True)
            KEPT.write_text(json.dumps({"state": state.hexdigest(), "outcomes": outcomes}), encoding="utf-8")
        print(f"{number}/{len(chosen)} {'noticed ' if outcomes[fault.name] else 'SURVIVES'} {fault.name}", flush=True)
    survivors = [fault.name for fault in chosen if not outcomes[fault.name]]
    return "\n".join(["These faults survive:", *survivors]) if survivors else None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
