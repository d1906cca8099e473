"""What is found, as a call that runs."""

import ast
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pe import _checks as check
from pe.doctor.naming import Found

if TYPE_CHECKING:
    from pe.doctor.identify import Identification


def number(x: float) -> str:
    """Return the shortest text that is this number, whole ones without a point."""
    return str(int(x)) if x == int(x) and abs(x) < 1e15 else repr(x)


def _base(base: float, named: float, spacing: str | None, width: int) -> str:
    if base == named:
        return number(named)
    if spacing == "tensor2tensor":
        return f"{number(named)} ** ({width} / {width - 2})"
    return f"{number(named)} ** ({width} / {width + 1})" if not math.isnan(named) else repr(base)


def step_said(step: float, n: int) -> str:
    """Return a step as a person would write it, such as 2π/n for one of n."""
    sign, size = "-" * (step < 0), abs(step)
    for value, text in (
        (2 * math.pi / n, f"2 * math.pi / {n}"),
        (1 / max(n - 1, 1), f"1 / {n - 1}"),
        (1 / n, f"1 / {n}"),
        (2 * math.pi / max(n - 1, 1), f"2 * math.pi / {n - 1}"),
        (math.pi / 180, "math.pi / 180"),
    ):
        if size == value and size != 1:
            return f"({sign}{text})"
    return sign + number(size)


def _positions(n: int, offset: float, step: float, counted: int) -> str:
    """Return `n` positions, `counted` of which were those that a step such as 2π/n goes by."""
    if step == 1 and offset == int(offset):
        return f"torch.arange({number(offset)}, {number(offset + n)})" if offset else f"torch.arange({n})"
    text, first = step_said(step, counted), round(offset / step)
    if offset == first * step and (step != int(step) or not offset):
        count = f"torch.arange({first}, {first + n}" if first else f"torch.arange({n}"
        return f"{count}) * {text}" if step == int(step) else f"{count}, dtype=torch.float64) * {text}"
    whole = step == int(step) and offset == int(offset)
    count = f"torch.arange({n})" if whole else f"torch.arange({n}, dtype=torch.float64)"
    return f"{count} * {text} + {number(offset)}" if step != 1 else f"{count} + {number(offset)}"


def written(
    n: int,
    width: int,
    base: float,
    layout: str = "interleaved",
    *,
    said: str = "",
    positions: str = "",
    offset: float = 0.0,
    form: str = "float32",
    scale: float = 1.0,
    shift: float = 0.0,
) -> str:
    """Return the call that makes a table."""
    turned = layout == "interleaved, cosines first"
    odd = turned and width % 2
    said = said or number(base)
    if odd:
        said = f"({said}) ** ({width + 1} / {width})"
    plain = scale == 1 and not shift
    short = form in {"bfloat16", "float16"}
    settings = f", base={said}" if said != "10000" else ""
    if layout in {"sin_cos", "cos_sin"}:
        settings += f", layout={layout!r}"
    if form == "float64" or (short and plain):
        settings += f", dtype=torch.{form}"
    if positions:
        text = f"pe.encode_positions({positions}, {width + odd}{settings})"
    else:
        first = f", offset={number(offset)}" if offset else ""
        base_part = settings.split(", layout")[0] if "base=" in settings else ""
        text = f"pe.generate_position_encoding({n}, {width + odd}{base_part}{first}{settings[len(base_part) :]})"
    if turned:
        text += ".unflatten(1, (-1, 2)).flip(2).flatten(1)" + "[:, :-1]" * odd
    if scale != 1:
        simple = {width**-0.5: f"{width}**-0.5", (2 / width) ** 0.5: f"(2 / {width}) ** 0.5"}
        text += f" * {simple.get(scale, repr(scale))}"
    if shift:
        text += f" {'-' if shift < 0 else '+'} {abs(shift)!r}"
    return f"({text}).to(torch.{form})" if short and not plain else text


def call(found: Found) -> str:
    """Return the call that makes what was found, in all rows from number 0 to the last that is not blank."""
    law, pairs = found.law, found.pairs
    n, width = int(pairs.rows[-1]) + 1, pairs.width
    said = _base(law.base, law.named, law.spacing, width)
    positions = ""
    if found.positions is not None and not found.written:
        shown = torch.zeros(n, dtype=torch.float64)
        shown[pairs.rows.long()] = found.positions
        whole = bool((shown == shown.round()).all())
        positions = f"torch.tensor({[int(p) if whole else p for p in shown.tolist()]}"
        positions += ")" if whole else ", dtype=torch.float64)"
    elif law.step != 1 or law.offset != int(law.offset) or (found.written != "{}" and found.again):
        run = int(pairs.rows[-1] - pairs.rows[0]) + 1
        positions = _positions(n, law.offset, law.step, run)
        if found.again:
            positions = found.written.format(positions)
    fit = found.fit
    return written(
        n, width, law.base, pairs.layout, said=said, positions=positions, offset=law.offset,
        form=pairs.format.name, scale=fit.scale, shift=fit.shift,
    )  # fmt: skip


def grid_call(parts: "list[Identification]", blocks: tuple[int, ...], width: int) -> str:
    """Return the call for a grid whose axes are `parts`."""
    axes, each = len(parts), len(blocks) // len(parts)
    positions, made = zip(*(_arguments(part.call) for part in parts), strict=True)
    if len(set(made)) > 1 or parts[0].layout not in check.LAYOUTS:
        return ""
    places = f"torch.cartesian_prod({', '.join(positions)})"
    if blocks[:axes] != tuple(range(axes)):
        places += f"[:, {list(blocks[:axes])}]"
    text = made[0].replace("@", places)
    if not text.endswith(")"):  # scaled
        text = f"({text})"
    if each == 2:
        return f"{text}.unflatten(2, (2, -1)).transpose(1, 2).flatten(1)"
    total = sum(part.shape[1] for part in parts)
    return f"{text}.flatten(1)" + ("" if total == width else f"[:, :{width}]")


def _arguments(text: str) -> tuple[str, str]:
    """Return the positions of a call, and the call with @ in their place."""
    calls = (node for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Call))
    made = next(call for call in calls if ast.unparse(call.func).startswith("pe."))
    first, width = map(ast.unparse, made.args)
    settings = {str(keyword.arg): ast.unparse(keyword.value) for keyword in made.keywords}
    if "generate_position_encoding" in text:
        first = _positions(int(first), int(settings.pop("offset", "0")), 1, int(first))
    rest = ", ".join(["@", width, *(f"{name}={value}" for name, value in settings.items())])
    return first, text.replace(str(ast.get_source_segment(text, made)), f"pe.encode_positions({rest})")


def completed(found: "Identification", rows: int, real: list[int], lone: bool) -> "Identification":
    """Return `found` with the rows and the column that are blank; the call of a grid makes none of these rows."""
    before, after = real[0] if found.axes else 0, rows - 1 - real[-1]
    inside = [] if found.axes else sorted(set(range(real[-1])) - set(real))

    def with_blanks(text: str) -> str:
        if inside:
            text = f"({text}).index_fill(0, torch.tensor({inside}), 0)"
        if before or after:
            text = f"torch.nn.functional.pad({text}, (0, 0, {before}, {after}))"
        return f"torch.nn.functional.pad({text}, (0, 1))" if lone else text

    call, *others = (with_blanks(text) if text else "" for text in (found.call, *found.alternatives))
    said = [found.why] if found.why else []
    if len(real) < rows:
        said.append(f"Blank rows: {rows - len(real)}.")
    faults = found.faults
    if lone and found.sinusoidal:
        said.append("The last column is blank, as libraries leave it at an odd width.")
        faults = (*faults, "An odd width")
    shape = rows, found.shape[1] + lone
    return replace(found, shape=shape, call=call, alternatives=tuple(others), why=" ".join(said), faults=faults)


def measured(found: "Identification", x: Tensor) -> "Identification":
    """Return `found` with how far the table is from what its call makes, which is run."""
    if not found.call:
        return found
    import pe

    made = eval(found.call, {"pe": pe, "torch": torch, "math": math})
    return replace(found, error=float((made.double() - x).abs().max()))
