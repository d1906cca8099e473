"""The recipes of the Conventions page against the libraries themselves."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

import pe
from tests import libraries
from tests.conftest import ROOT

RECIPE = re.compile(r"^### ([^\n]+)\n(?:(?!^#).)*?```python [^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
RECIPES = dict(RECIPE.findall((ROOT / "docs/conventions.md").read_text(encoding="utf-8").split("## Recipes")[1]))
TIMESTEPS = torch.tensor([0.0, 0.5, 499.25, 999.0])
IDS = torch.tensor([[5, 6, 7, 1, 1], [1, 8, 9, 5, 6]])

# Heading of a recipe, the same table from each library, and how far float32 arithmetic leads that one astray.
CASES: list[tuple[str, Callable[[], Tensor], float]] = [
    ("The paper", lambda: libraries.diffusers_positional(2048, 512), 1.3e-4),
    ("The paper", lambda: libraries.speecht5(2048, 512), 1.3e-4),
    ("The paper", lambda: libraries.positional_encodings(2048, 512), 1.6e-4),
    ("Marian, Pegasus and RoFormer", lambda: libraries.marian(512, 128), 6e-8),
    ("Whisper", lambda: libraries.whisper(1500, 512), 1.3e-4),
    ("MusicGen", lambda: libraries.musicgen(2048, 512), 1.3e-4),
    ("M2M100, NLLB and fairseq", lambda: libraries.m2m100_padded(IDS, 512, 1), 1e-6),
    ("x-transformers", lambda: libraries.x_transformers(2048, 512), 1.3e-5),
    ("Diffusion timesteps", lambda: libraries.diffusers_timesteps(TIMESTEPS, 320), 1e-4),
    (
        "Diffusion timesteps, flipped",
        lambda: libraries.diffusers_timesteps(TIMESTEPS, 320, flip_sin_to_cos=True, downscale_freq_shift=0),
        1e-4,
    ),
    ("ViTMAE", lambda: libraries.vit_mae(14, 12, 768), 6e-8),
    ("timm", lambda: libraries.timm(14, 12, 768), 2e-6),
    ("DETR", lambda: libraries.detr(14, 12, 256), 2e-6),
    ("positional-encodings", lambda: libraries.positional_encodings_2d(14, 12, 256), 2e-6),
]


def error(recipe: str, table: Tensor, package: Any = pe) -> float:
    """Return how far `table` is from the recipe's, computed with `package`."""
    variables = {"pe": package}
    exec(RECIPES[recipe].replace("import pe\n", ""), variables)
    ours = variables["table"]
    assert ours.shape == table.shape
    return float((ours.double() - table.double()).abs().max())


@pytest.mark.parametrize(("recipe", "build", "bound"), CASES)
def test_recipe_makes_the_table_of_the_library(recipe: str, build: Callable[[], Tensor], bound: float) -> None:
    assert error(recipe, build()) <= bound


# What `identify` says of a table of each recipe: layout, spacing, and for grids the axis of each block of columns.
SAID: dict[str, tuple[str, str, tuple[int, ...]]] = {
    "The paper": ("interleaved", "paper", ()),
    "Marian, Pegasus and RoFormer": ("sin_cos", "paper", ()),
    "Whisper": ("sin_cos", "tensor2tensor", ()),
    "MusicGen": ("cos_sin", "tensor2tensor", ()),
    "M2M100, NLLB and fairseq": ("sin_cos", "tensor2tensor", ()),
    "x-transformers": ("sin_cos", "paper", ()),
    "Diffusion timesteps": ("sin_cos", "tensor2tensor", ()),
    "Diffusion timesteps, flipped": ("cos_sin", "paper", ()),
    "ViTMAE": ("sin_cos", "paper", (0, 1)),
    "timm": ("sin_cos", "paper", (0, 1, 0, 1)),
    "DETR": ("interleaved", "paper", (0, 1)),
    "positional-encodings": ("interleaved", "paper", (0, 1)),
}


@pytest.mark.parametrize(("recipe", "build", "bound"), CASES)
def test_table_of_the_library_tells_its_convention(recipe: str, build: Callable[[], Tensor], bound: float) -> None:
    table = build()
    for part in table if table.ndim == 3 else [table]:
        found = pe.identify(part)
        assert found.sinusoidal
        assert (found.layout, found.spacing, found.order) == SAID[recipe]
        usual = 10_000.0 if found.spacing == "paper" else 10_000 ** (part.shape[1] / (part.shape[1] - 2))
        assert found.base == pytest.approx(usual)
        first = {"M2M100, NLLB and fairseq": 2, "DETR": found.step}.get(recipe, 0)
        assert found.offset == pytest.approx(first)
        assert found.scale == pytest.approx(512**-0.5 if recipe == "x-transformers" else 1)
        assert not found.faults
        assert found.error is not None
        assert found.error <= bound


def test_every_recipe_is_compared() -> None:
    assert {recipe for recipe, _, _ in CASES} == set(RECIPES)


def first(positions: Any, d_model: int, settings: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    if isinstance(positions, Tensor):
        return positions + 1, settings
    return positions, settings | {"offset": settings.get("offset", 0) + 1}


def spacing(positions: Any, d_model: int, settings: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    paper = "base" not in settings
    return positions, settings | {"base": 10_000 ** (d_model / (d_model - 2)) if paper else 10_000}


def layout(positions: Any, d_model: int, settings: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    others = {"interleaved": "sin_cos", "sin_cos": "cos_sin", "cos_sin": "interleaved"}
    return positions, settings | {"layout": others[settings.get("layout", "interleaved")]}


@pytest.mark.parametrize("flip", [first, spacing, layout], ids=lambda flip: flip.__name__)
@pytest.mark.parametrize(("recipe", "build", "bound"), CASES)
def test_one_flag_flipped_makes_another_table(
    recipe: str, build: Callable[[], Tensor], bound: float, flip: Callable[..., tuple[Any, dict[str, Any]]]
) -> None:
    def flipped(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def call(positions: Any, d_model: int, **settings: Any) -> Tensor:
            positions, settings = flip(positions, d_model, settings)
            return function(positions, d_model, **settings)

        return call

    package = SimpleNamespace(
        encode_positions=flipped(pe.encode_positions),
        generate_position_encoding=flipped(pe.generate_position_encoding),
    )
    assert error(recipe, build(), package) > 100 * bound


@pytest.mark.parametrize("d_model", [4, 6, 64, 512, 1022])
@pytest.mark.parametrize("base", [2.0, 100.0, 10_000.0])
def test_other_spacing_is_another_base(d_model: int, base: float) -> None:
    pairs = torch.arange(d_model // 2, dtype=torch.float64)
    other = base ** (-pairs / (d_model / 2 - 1))
    torch.testing.assert_close(
        pe.frequencies(d_model, base=base ** (d_model / (d_model - 2))), other, rtol=1e-14, atol=0
    )


def test_where_libraries_are_wrong() -> None:
    """What the page says of odd widths, of width 2 and of layers that were not initialised."""
    assert (libraries.m2m100(9, 5)[:, -1] == 0).all()
    assert (libraries.musicgen(9, 5)[:, -1] == 0).all()
    assert (libraries.diffusers_timesteps(TIMESTEPS, 5)[:, -1] == 0).all()
    next_even = pe.generate_position_encoding(9, 6)[:, :5]
    torch.testing.assert_close(libraries.positional_encodings(9, 5), next_even, atol=1e-6, rtol=0)
    torch.testing.assert_close(
        libraries.marian(9, 5), pe.generate_position_encoding(9, 5, layout="sin_cos"), atol=6e-8, rtol=0
    )
    for crashes in (libraries.diffusers_positional, libraries.speecht5):
        with pytest.raises(RuntimeError):
            crashes(9, 5)
    with pytest.raises(ValueError, match="divisible by 2"):
        libraries.whisper(9, 5)
    for divides in (libraries.whisper, libraries.m2m100, libraries.musicgen):
        with pytest.raises(ZeroDivisionError):
            divides(9, 2)
    fresh = libraries.marian_fresh(512, 128)
    assert (fresh - libraries.marian(512, 128)).abs().max() > 1
