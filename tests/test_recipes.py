"""What the programs of the Recipes page make, against libraries and closed forms."""

import math
import re
from typing import Any

import torch
from torch import Tensor

import pe
from tests import libraries
from tests.conftest import ROOT, reference

PAGE = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r"^### ([^\n]+)\n(?:(?!^#).)*?```python [^\n]*\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))


def made(heading: str, **changes: str) -> dict[str, Any]:
    """Return the variables of the program below a heading; `changes` are replaced in its text first."""
    (name,) = (name for name in PROGRAMS if name.startswith(heading))
    program = PROGRAMS[name]
    for old, new in changes.items():
        assert old in program
        program = program.replace(old, new)
    variables: dict[str, Any] = {}
    exec(program, variables)
    return variables


def close(ours: Tensor, theirs: Tensor, bound: float = 1e-5) -> bool:
    return ours.shape == theirs.shape and bool((ours.double() - theirs.double()).abs().max() <= bound)


def test_flow_matching_and_its_module() -> None:
    t = torch.tensor([0.0, 0.25, 0.5, 1.0])
    theirs = libraries.diffusers_timesteps(1000 * t, 256, flip_sin_to_cos=True, downscale_freq_shift=0)
    assert close(made("Flow matching")["table"], theirs, 1e-4)
    module = made("A timestep embedding module")["embed"][0]
    assert close(module(t), theirs, 1e-4)


def test_timestamps() -> None:
    seconds = made("Timestamps")["seconds"]
    assert seconds.tolist() == [0, 0.25]
    assert close(pe.encode_positions(seconds, 64)[1], reference(0.25, 64), 2**-24)


def test_periods_return_and_tell_every_hour_of_a_week_apart() -> None:
    hours, table = torch.arange(336), made("Hour of the day")["table"].double()
    angles = [2 * math.pi * hours.double() / period for period in (24, 168)]
    waves = torch.stack([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], dim=1)
    assert close(table, waves, 1e-7)
    assert close(table[:168], table[168:], 1e-7)
    assert torch.pdist(table[:168]).min() > 0.2


def test_shortest_and_longest_wavelength() -> None:
    table, seconds = (made("Shortest and longest")[name] for name in ("table", "seconds"))
    for column, period in ((0, 10), (-2, 3600)):
        assert close(table[:, column], (2 * math.pi * seconds / period).sin(), 1e-5)


def test_nerf() -> None:
    variables = made("NeRF")
    assert close(variables["table"], libraries.nerf(variables["points"], 10), 1e-6)


def test_images() -> None:
    variables = made("2D positional encoding")
    theirs = libraries.positional_encodings_2d(14, 20, 256)
    assert close(variables["table"], theirs)
    assert close(variables["tokens"][3], theirs)
    assert close(variables["last"][3].flatten(0, 1), theirs)
    assert close(variables["first"][3].flatten(1).T, theirs)
    assert close(made("ViT")["table"], torch.cat([torch.zeros(1, 256), theirs]))


def test_patches_of_another_resolution_lie_where_the_old_ones_did() -> None:
    """With three patches in place of one, the one in the middle is where that one was."""
    finer = made("Another resolution", **{"trained, now, d_model = 14, 28, 256": "trained, now, d_model = 14, 42, 256"})
    middle = finer["table"].view(42, 42, 256)[1::3, 1::3].flatten(0, 1)
    assert close(middle, libraries.positional_encodings_2d(14, 14, 256))


def test_detr_with_padding() -> None:
    variables = made("DETR")
    theirs = libraries.detr_padded(variables["real"], 256)
    assert close(variables["table"].movedim(-1, 1), theirs)


def test_video() -> None:
    assert close(made("Video")["table"], libraries.positional_encodings_3d(8, 14, 20, 768))


def test_relative_positions() -> None:
    assert close(made("Relative")["table"], libraries.conformer(5, 64))
    back = re.search(r"`(pe\.encode_positions\(torch\.arange\(T - 1, -1, -1\)[^`]*)`", PAGE)
    assert back
    ours = eval(back[1], {"pe": pe, "torch": torch, "T": 50, "d_model": 64})
    assert close(ours, libraries.xlnet(torch.arange(49.0, -1, -1), 64))


def test_every_recipe_is_tested() -> None:
    tested = re.findall(r'made\("([^"]+)"', (ROOT / "tests/test_recipes.py").read_text(encoding="utf-8"))
    assert {name for name in PROGRAMS for start in tested if name.startswith(start)} == set(PROGRAMS)
