"""What is found, in words."""

import math
from typing import TYPE_CHECKING

import torch

from pe.doctor import estimate
from pe.doctor.calls import step_said
from pe.doctor.naming import Found

if TYPE_CHECKING:
    from pe.doctor.identify import Identification

WHO = {
    ("interleaved", "paper"): "the paper, most tutorials, SpeechT5, keras-hub, espnet and OpenNMT-py",
    ("sin_cos", "paper"): "Marian, Pegasus, RoFormer and, with a scale of d^-0.5, x-transformers",
    ("sin_cos", "tensor2tensor"): "Whisper, fairseq, M2M100, NLLB, XGLM, and diffusers for its timesteps",
    ("cos_sin", "tensor2tensor"): "MusicGen",
    ("cos_sin", "paper"): "diffusers for the timesteps of Stable Diffusion",
}
WHO_GRID = {
    ("sin_cos", (0, 1)): "ViTMAE",
    ("sin_cos", (1, 0)): "the original MAE",
    ("sin_cos", (0, 1, 0, 1)): "timm",
    ("interleaved", (0, 1)): "DETR, if scaled to 2π, and positional-encodings",
}
COLUMNS = {
    "interleaved": "sine, cosine, sine, … in turn",
    "sin_cos": "all sines, then all cosines",
    "cos_sin": "all cosines, then all sines",
    "interleaved, cosines first": "cosine, sine, cosine, … in turn",
}


def reason(found: Found) -> str:
    """Return why the table differs from exact values as it does."""
    pairs = found.pairs
    x = torch.cat([pairs.sines, pairs.cosines], 1)
    form = pairs.format.name
    if not found.again:
        return f"It fits to the digit if that was computed in {found.written}."
    if pairs.noise:
        return f"It fits up to noise of {pairs.noise / pairs.radius:.1%} of the amplitude."
    if pairs.centre and abs(float(x.mean())) < 1e-4 and abs(float(x.std()) - 0.1) < 1e-4:
        return "Its mean was subtracted and it was divided by ten times its deviation, as PatchTST does."
    if found.drift == estimate.DOUBLE:
        return f"Every entry is the exact value, rounded to {form}."
    kept = "" if form == "float32" else f", kept in {form}"
    return f"It is as far from the exact values as angles computed in float32 are{kept}."


def report(found: "Identification") -> str:
    """Return the answer for a person."""
    rows, width = found.shape
    verdict = {True: "A sinusoidal position encoding", False: "Not a sinusoidal position encoding", None: "Undecided"}
    lines = [f"{verdict[found.sinusoidal]}: {rows:,} rows, {width:,} columns."]
    if found.layout is not None:
        lines += [*_settings(found), *_who(found)]
    lines.append(found.why)
    if found.frequencies:
        shown = ", ".join(f"{omega:.4g}" for omega in found.frequencies[:6])
        lines.append(f"Radians per row: {shown}{', …' if len(found.frequencies) > 6 else ''}.")
    if found.faults:
        lines.append(f"Faults, explained on the page Bugs: {'; '.join(found.faults)}.")
    if found.call and found.error is not None:
        made = f"This call makes it again to within {found.error:.1e}:" if found.error else "This call makes it again:"
        meant = found.error > 0.2 * abs(found.scale or 1.0)
        lines += ["What was meant, it seems:" if meant else made, f"    {_short(found.call)}"]
    if found.alternatives:
        lines += ["At this size and in this format it cannot be told from:"]
        lines += [f"    {_short(other)}" for other in found.alternatives[:5]]
    return "\n".join(line for line in lines if line)


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:200]} … {text[-60:]}"


def _settings(found: "Identification") -> list[str]:
    lines = []
    for axis, part in enumerate(found.axes or (found,)):
        if part.base is None or part.base_range is None or part.offset is None:
            continue
        name = f"Axis {axis} of {len(found.axes)}, {part.shape[0]} places: " if found.axes else ""
        base, width = f"{part.base:,.10g}", part.shape[1]
        if part.spacing == "tensor2tensor":
            base = f"{_own_base(part):,.6g} in the spacing of tensor2tensor"
            base += f", {part.base:,.2f} as `base=`"
        low, high = part.base_range
        if width == 2:
            base = "any, as there is one frequency"
        elif high / low > 1.001:
            base += f" (anything from {low:,.6g} to {high:,.6g} fits)"
        where = "positions that are not evenly spaced"
        if part.step is not None:
            where = f"first position {_said(part.offset, part.shape[0])}, step {_said(part.step, part.shape[0])}"
        lines.append(f"{name}Layout {part.layout} ({COLUMNS[str(part.layout)]}); base {base}; {where}.")
    if found.order:
        lines.append(f"Blocks of columns, by axis: {', '.join(map(str, found.order))}.")
    if found.scale is not None and (found.scale != 1 or found.shift):
        lines.append(f"Amplitude {found.scale:.6g}" + (f", shifted by {found.shift:.6g}." if found.shift else "."))
    return lines


def _said(x: float, rows: int) -> str:
    """Return a number as a person would write it."""
    return step_said(x, rows).replace("math.pi", "π").replace("2 * π", "2π").strip("()")


def _own_base(found: "Identification") -> float:
    """Return the base in its own spacing."""
    width = found.shape[1]
    power = (width - 2) / width if found.spacing == "tensor2tensor" else 1.0
    return float((found.base or math.nan) ** power)


def _who(found: "Identification") -> list[str]:
    if found.faults or found.shift:
        return []
    if not math.isclose(_own_base(found.axes[0] if found.axes else found), 1e4):
        return ["The base is not the usual 10,000."]
    if found.order:
        who = WHO_GRID.get((str(found.layout), found.order))
    else:
        who = WHO.get((str(found.layout), str(found.spacing))) if found.step == 1 else None
    return [f"So built by {who}. The page Conventions has them all."] if who else []
