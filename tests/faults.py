"""Break things one at a time and see that something notices: `make faults`.

Faults are of two kinds: those written down below, and every operator of the package's formulas and checks that a
mutation tool can turn into its opposite. The checks that are to notice must pass without a fault. Then each fault is
put into a copy of the checkout and the checks run, the quick ones first. What came out is kept in `.cache/faults.json`
for as long as what was checked is the same, so that a run that was stopped goes on where it was.

    python -m tests.faults                   all of them
    python -m tests.faults sin layout        those with one of these words in their name
    python -m tests.faults --sample 5        as many as that, others every day
"""

import argparse
import datetime
import difflib
import functools
import hashlib
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEPT = ROOT / ".cache" / "faults.json"

LIBRARY = "pytest -x -q tests/test_properties.py tests/test_sinusoidal.py tests/test_module.py tests/test_figures.py"
BUILD = "mkdocs build --strict"
SITE = "pytest -x -q tests/test_docs.py tests/test_site.py"
BROWSER = "pytest -x -q tests/test_browser.py"
CLAIMS = "pytest -x -q tests/test_claims.py"
PAGES = (BUILD, SITE, BROWSER)


def looks(at: str) -> tuple[str, ...]:
    """Return the checks of what only a browser shows, those named like this first."""
    return (BUILD, f"{BROWSER} -k '{at}'", BROWSER)


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
        text = source(self.file)
        if text.count(self.old) != 1:
            raise LookupError(f"{self.file} has {self.old!r} {text.count(self.old)} times, not once")
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Mutation:
    """One operator in one file, and another in its place; Cosmic Ray finds and changes it."""

    file: str
    operator: str
    occurrence: int
    checks = (LIBRARY,)

    @property
    def name(self) -> str:
        """Return the line that changes, before and after."""
        lines = difflib.unified_diff(source(self.file).splitlines(), self.text().splitlines(), n=0)
        before, after = (line[1:].strip() for line in list(lines)[3:5])
        return f"{self.file}: {before} → {after}"

    @functools.cache  # noqa: B019
    def text(self) -> str:
        """Return the file with the other operator in it."""
        from cosmic_ray.mutating import mutate_code
        from cosmic_ray.plugins import get_operator

        changed = mutate_code(source(self.file), get_operator(self.operator)(), self.occurrence)
        assert changed
        return str(changed)


@functools.cache
def files(*parts: str) -> list[str]:
    """Return what is kept of these folders and files."""
    return subprocess.check_output(["git", "ls-files", *parts], cwd=ROOT, text=True).splitlines()


@functools.cache
def source(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


BINARY = ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_FloorDiv", "Pow_Mul")
COMPARISON = ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")
OPERATORS = [
    *(f"core/ReplaceBinaryOperator_{pair}" for pair in BINARY),
    *(f"core/ReplaceComparisonOperator_{pair}" for pair in COMPARISON),
    *(f"core/ReplaceUnaryOperator_{pair}" for pair in ("USub_UAdd", "Delete_Not")),
    *(f"core/Replace{pair}" for pair in ("AndWithOr", "OrWithAnd", "FalseWithTrue")),
]


def mutations() -> Iterator[Mutation]:
    """Give every operator to be changed in what computes and what checks; drawing is left to the faults below."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator

    for file in ("pe/sinusoidal.py", "pe/_rows.py", "pe/_checks.py", "pe/module.py", "pe/properties.py"):
        nodes = list(ast_nodes(get_ast(source(file))))
        for name in OPERATORS:
            count = sum(len(list(get_operator(name)().mutation_positions(node))) for node in nodes)
            yield from (Mutation(file, name, n) for n in range(count))


def faults(file: str, checks: tuple[str, ...], *pairs: tuple[str, str]) -> list[Fault]:
    return [Fault(file, old, new, checks) for old, new in pairs]


FAULTS = [
    *faults(
        "pe/sinusoidal.py",
        (LIBRARY,),
        ("(sines, angles.sin())", "(sines, angles.cos())"),
        ("base ** (-two_i / d_model)", "base ** (-two_i / (d_model + 1))"),
        ("base ** (-two_i / d_model)", "base ** (two_i / d_model)"),
        ("torch.arange(0, d_model, 2, dtype=torch.float64", "torch.arange(0, d_model, 2, dtype=torch.float32"),
        ("return 2 * math.pi / frequencies", "return math.pi / frequencies"),
        (
            "def frequencies(d_model: int, *, base: float = 10_000.0)",
            "def frequencies(d_model: int, *, base: float = 1e3)",
        ),
        ("abs(offset + max(seq_len, 1) - 1)", "0"),
        ("max(seq_len, 1) - 1", "seq_len - 1"),
        ("table = made.detach()", "table = made"),
        ("torch.arange(offset, offset + seq_len, dtype", "torch.arange(seq_len, dtype"),
        ("values + (rounded(exact, dtype) - exact)", "values"),
        (
            "positions.new_empty((*positions.shape, d_model), dtype=dtype)",
            "torch.empty(*positions.shape, d_model, dtype=dtype)",
        ),
        ("angles[..., : d_model // 2].cos()", "angles[..., -(d_model // 2) :].cos()"),
        ("dtype or torch.float32, device=device", "dtype, device=device"),
        ("out.requires_grad and torch.is_grad_enabled()", "False"),
        ("out.requires_grad and torch.is_grad_enabled()", "out.requires_grad"),
        ('("shape", tuple(out.shape), (seq_len, d_model))', '("shape", (), ())'),
        ('("dtype", out.dtype, dtype or out.dtype)', '("dtype", 0, 0)'),
        ('seq_len = check.integer("seq_len", seq_len, at_least=0)', "seq_len = int(seq_len)"),
        ('check.positions("positions", p, base)', "pass"),
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
        ("table.shape[1], rounded(rows, table.dtype)", "table.shape[1], rows"),
        ("2**29 - 1", "2**28 - 1"),
        ("odd |= bits", "pass"),
    ),
    *faults(
        "pe/_checks.py",
        (LIBRARY,),
        ("if isinstance(value, bool) or (isinstance(value, Tensor) and value.dtype == torch.bool):", "if False:"),
        ("and value.dtype == torch.bool", "and False"),
        ("number < at_least", "number <= at_least"),
        ("-math.inf < number < math.inf and low", "low"),
        ("LARGEST_ANGLE = 2.0**32", "LARGEST_ANGLE = 2.0**33"),
        ("if not position <= limit:", "if position > limit:"),
        ("value.dtype == torch.bool or value.is_complex()", "value.is_complex()"),
        ("or dtype not in FLOATS", ""),
        ("value if isinstance(value, int | torch.SymInt) else operator.index(value)", "operator.index(value)"),
        ("if isinstance(furthest, float):", "if True:"),
        ("    except RuntimeError:  # it stands", "    except KeyError:  # it stands"),
        (" or value.is_nested", ""),
        ("min(1.0, base)", "1.0"),
    ),
    *faults(
        "pe/module.py",
        (LIBRARY,),
        ("torch.add(encoding, x, alpha=self.scale)", "torch.add(x, encoding, alpha=self.scale)"),
        ("self.layout, x.dtype, x.device", "self.layout, x.device"),
        ("not first <= offset <=", "not 0 <= offset <="),
        ('return super().__getstate__() | {"_kept": None}', "return super().__getstate__()"),
        ("super().__getstate__()", "self.__dict__"),
        ("        self._kept = None\n        return super()._apply", "        return super()._apply"),
        ("self.d_model, self.base, self.layout, x.dtype", "self.d_model, x.dtype"),
        (" and not _transformed()", ""),
        ("dropout.training and dropout.p", "dropout.p"),
        ("elif offset != 0:", "elif offset > 0:"),
        ("self.scale != 1 and x.dtype.itemsize < 4", "False"),
        ("alone = not torch.compiler.is_compiling() and", "alone = False and"),
        ("idle = type(dropout) is nn.Dropout and not", "idle = not"),
    ),
    *faults(
        "pe/properties.py",
        (LIBRARY,),
        ("matrix[sines, cosines] = angles.sin()", "matrix[sines, cosines] = -angles.sin()"),
        ("(lags[..., None] * omega).cos().mean(-1)", "(lags[..., None] * omega).cos().sum(-1)"),
        ("if d_model % 2:", "if d_model % 2 and d_model > 1:"),
        ('check.positions("offsets", lags, base)', "pass"),
    ),
    *faults(
        "pe/figures.py",
        (LIBRARY,),
        ('cmap="coolwarm"', 'cmap="viridis"'),
        ("ax.xaxis.tick_top()", "ax.xaxis.tick_bottom()"),
        ("arc = torch.linspace(start, start - angle, 60)", "arc = torch.linspace(start, start + angle, 60)"),
        ("d_model * (1 - each)", "2 * d_model * (1 - each)"),
    ),
    *faults(
        "docs/formula.md",
        PAGES,
        ("1/100 at width 4", "$\\nothing$ at width 4"),
        ("(frequency.md#what-the-base-decides)", "(frequency.md#what-the-base-does)"),
    ),
    *faults(
        "docs/properties.md",
        PAGES,
        ("[[shift-is-a-rotation]]", "[[shift-is-no-rotation]]"),
        ("pe.figures.distances((4, 16, 64, 512)", "pe.figures.distances((4, 16, 63, 512)"),
        ("rotation = pe.shift_matrix(3, 64)", "rotation = pe.shift_matrix(3, 65)"),
    ),
    *faults(
        "docs/usage.md",
        PAGES,
        ("[[needs-a-max-len]]", ""),
        ("(pros-and-cons.md#extends-to-longer-sequences)", "(pros-and-con.md#extends-to-longer-sequences)"),
    ),
    *faults(
        "docs/bugs.md",
        PAGES,
        ("(#every-token-at-position-0)", "(#every-token-at-position-1)"),
        ("[`offset=`](usage.md#decoding-step-by-step)", "[`offset=`][pe.offset]"),
    ),
    *faults(
        "docs/labs/digits.py",
        PAGES,
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
        PAGES,
        ('role="img" aria-label="{escape(name)}"', 'role="img"'),
        ('.replace(INK, "currentColor")', ""),
        ('\' id="([^"]*)"\'', '\' idee="([^"]*)"\''),
        ('"M {x} {y} h 0 "', '"M {y} {x} h 0 "'),
    ),
    *faults(
        "docs/support/labs.py",
        PAGES,
        ('"".join(text.get_text() for', '"\\n".join(text.get_text() for'),
    ),
    *faults(
        "docs/support/publish.py",
        looks("forbids or sound"),
        ("script-src 'self' {hashes};", "script-src 'self' 'unsafe-inline';"),
        ("font-src 'self';", "font-src 'none';"),
    ),
    *faults(
        "docs/support/slim.py",
        looks("sound or keyboard or forbids"),
        ('NEXT.sub("", BUTTON.sub(_button, html))', "BUTTON.sub(_button, html)"),
        ('onload:()=>setTimeout(()=>document.dispatchEvent(new Event("DOMContentLoaded")))', "async:true"),
        ('\'x("div",{class:"md-code__nav"})\'', '\'x("nav",{class:"md-code__nav"})\''),
        ('role="button" tabindex="0"', 'role="button"'),
        ('"drawer": "Menu"', '"drawer": ""'),
        ('case" ":case"Enter":let o=Ne();o?', 'case"Enter":let o=Ne();o?'),
        ("TABLE.sub(WRAPPED, html)", "html"),
        ('PLAIN.sub(r"\\1", ', 'PLAIN.sub("", '),
        ("all(name in known for", "not all(name in known for"),
    ),
    *faults(
        "docs/support/theme/partials/javascripts/palette.html",
        looks("colours"),
        ("inputs[kept] ?? inputs[0]", "inputs[0]"),
    ),
    *faults(
        "docs/assets/style.css",
        looks("sound or copied or keyboard"),
        ("--md-default-fg-color--light: #545b69;", "--md-default-fg-color--light: #b4bbc9;"),
        ("[data-md-copying] :is(.gp, .go),", ""),
        (".formula { overflow-x: auto;", ".formula { min-width: 60rem;"),
        (".md-sidebar--primary .md-sidebar__scrollwrap { display: none; }", "{}"),
        ("src: url(fonts/stix-two-text.woff2)", "src: url(fonts/stix-two.woff2)"),
    ),
    *faults(
        "docs/assets/explorer.js",
        looks("explorer or keyboard"),
        ("row[sine] = Math.sin(position * w)", "row[sine] = Math.cos(position * w)"),
        ("base ** ((-2 * i) / width)", "base ** (-i / width)"),
        ("sin_cos: (i, width) => [i, i + width / 2]", "sin_cos: (i, width) => [i + width / 2, i]"),
        ("history.replaceState(", "void ("),
        ("ArrowDown: [1, 0]", "ArrowDown: [0, 1]"),
        ("Math.min(chosen[one], view.length - 1)", "Math.min(view[one], view.length - 1)"),
        ('if (cross.classList.contains("on")) point(cell.position, cell.column);', ""),
        ("scale(${across / width}, ${down / length})", "none"),
        ("translateY(${((view[name] + 0.5) / view.length) * 100}%)", "none"),
    ),
    *faults(
        "mkdocs.yml",
        PAGES,
        ("      - Formula: formula.md\n", ""),
        ("    - content.code.copy\n", ""),
        ("favicon: assets/logo.svg", "favicon: assets/icon.svg"),
        ("  - search\n", "  - search: {lang: de}\n"),
    ),
]


# What survives and may: nothing that a user could see depends on it.
HARMLESS = {
    "mkdocs.yml: - search → - search: {lang: de}": "other words are too common to be found, none a reader asks for",
    (
        "pe/module.py: short = self.scale != 1 and x.dtype.itemsize < 4 → "
        "short = self.scale != 1 or x.dtype.itemsize < 4"
    ): "the same sum by two operations, slowly",
    (
        "pe/module.py: idle = type(dropout) is nn.Dropout and not (dropout.training and dropout.p) → "
        "idle = type(dropout) is nn.Dropout and not (dropout.training or dropout.p)"
    ): "a dropout that does not train, or of 0, does nothing, slowly",
    (
        "pe/module.py: if not alone or offset + rows > check.largest_position(check.base(self.base)): → "
        "if not alone or offset + rows >= check.largest_position(check.base(self.base)):"
    ): "at the very end of the range, no rows are kept but those asked for",
    (
        "pe/module.py: short = self.scale != 1 and x.dtype.itemsize < 4 → "
        "short = self.scale != 1 and x.dtype.itemsize <= 4"
    ): "float32, too, rounds once more in its last digit, slowly",
    (
        "pe/properties.py: blocks = torch.split(lags.reshape(-1), max(1, _rows.block_entries(lags.device) // d_model)) "
        "→ blocks = torch.split(lags.reshape(-1), max(1, _rows.block_entries(lags.device) * d_model))"
    ): "larger blocks",
    "pe/module.py: dropout.training and dropout.p → dropout.p": "a dropout that does not train does nothing, slowly",
    (
        "pe/_rows.py: begin, end = max(first, q + low), min(last, q + high) → "
        "begin, end = max(first, q - low), min(last, q + high)"
    ): "where low is not 0, q + low is the first row",
    (
        "pe/_rows.py: _write(table[begin - first : end - first], flat[begin - q - low : end - q - low], layout) → "
        "_write(table[begin - first : end - first], flat[begin - q - low : end - q + low], layout)"
    ): "where low is not 0, the slice ends with its rows",
    (
        "pe/sinusoidal.py: block[..., part] = values + (rounded(exact, dtype) - exact) if dtype.itemsize < 4 else "
        "values → block[..., part] = values + (rounded(exact, dtype) - exact) if dtype.itemsize <= 4 else values"
    ): "of float32, zeros are added, slowly",
    "pe/_rows.py: if first >= 0 and last <= near: → if first > 0 and last <= near:": "the same rows by the longer way",
    "pe/_rows.py: return 1 << (limit | 1).bit_length() - 1 → return 1 << (limit | 1).bit_length() + 1": "larger blocks",
    (
        "pe/_checks.py: def integer(name: str, value: int, *, at_least: int | None = None) -> int: → "
        "def integer(name: str, value: int, /, at_least: int | None = None) -> int:"
    ): "no caller writes value=",
    (
        "pe/_checks.py: def real(name: str, value: float, *, low: float = -math.inf, high: float = math.inf) -> float: "
        "→ def real(name: str, value: float, /, low: float = -math.inf, high: float = math.inf) -> float:"
    ): "no caller writes value=",
}


def failing(checks: Iterable[str], fault: Fault | Mutation | None = None) -> str:
    """Return what the first check that fails says of a copy of the checkout with the fault in it; "" if none does."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / ".cache", Path(folder, ".cache"), dirs_exist_ok=True)
        for file in files("."):
            Path(folder, file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, Path(folder, file), follow_symlinks=False)
        if fault:
            Path(folder, fault.file).write_text(fault.text(), encoding="utf-8")
        env = os.environ | {"PYTHONPATH": f"{folder}:{folder}/docs", "NO_MKDOCS_2_WARNING": "1"}
        for check in checks:
            # A fault of the library may ask for all the memory there is, or for ever; a browser reserves more.
            memory = "24000000" if check == LIBRARY else "unlimited"
            limited = ["sh", "-c", f'ulimit -v {memory} 2>/dev/null; exec "$@"', "sh", sys.executable, "-m"]
            try:
                done = subprocess.run(
                    [*limited, *shlex.split(check)],
                    cwd=folder,
                    env=env,
                    capture_output=True,
                    text=True,
                    timeout=900,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return f"{check}: no end in 15 minutes"
            if done.returncode:
                lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or [check]
                return next((line for line in lines if line.startswith(("FAILED", "ERROR", "WARNING"))), lines[-1])
    return ""


def state(fault: Fault | Mutation) -> str:
    """Return a hash of the fault and of all that its checks can depend on."""
    parts = ["pe", "tests", "constraints.txt"] if fault.checks == (LIBRARY,) else ["."]
    digest = hashlib.sha256(fault.text().encode())
    for file in files(*parts):
        if file != "tests/faults.py":
            digest.update(file.encode() + (ROOT / file).read_bytes())
    return digest.hexdigest()


def main() -> str | None:
    """Try the faults that are not known yet; return what to say if one survives."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("words", nargs="*")
    parser.add_argument("--sample", type=int)
    asked = parser.parse_args()
    chosen: list[Fault | Mutation] = [*FAULTS, *mutations()]
    if asked.words:
        chosen = [fault for fault in chosen if any(word in fault.name for word in asked.words)]
    if asked.sample:
        chosen = random.Random(datetime.date.today().isoformat()).sample(chosen, asked.sample)
    KEPT.parent.mkdir(exist_ok=True)
    outcomes = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    # A check that fails anyway would notice everything.
    unknown = [fault for fault in chosen if state(fault) not in outcomes]
    if broken := failing(dict.fromkeys(check for fault in unknown for check in fault.checks)):
        return f"Without a fault: {broken}"

    writing = threading.Lock()

    def outcome(fault: Fault | Mutation) -> str:
        key = state(fault)
        if key not in outcomes:
            said = failing(fault.checks, fault)
            with writing:  # in one move: whoever stops this finds all that was known
                outcomes[key] = said
                written = KEPT.with_suffix(".new")
                written.write_text(json.dumps(outcomes), encoding="utf-8")
                written.replace(KEPT)
        return str(outcomes[key])

    survivors = []
    with ThreadPoolExecutor(2) as pool:
        for number, (fault, said) in enumerate(zip(chosen, pool.map(outcome, chosen), strict=True), 1):
            known = fault.name in HARMLESS
            found = (
                f"noticed  {fault.name}\n    {said}" if said else f"{'harmless' if known else 'SURVIVES'} {fault.name}"
            )
            print(f"{number}/{len(chosen)} {found}", flush=True)
            survivors += [fault.name] if not said and not known else []
    return "\n".join(["These faults survive:", *survivors]) if survivors else None


if __name__ == "__main__":
    sys.exit(main())
