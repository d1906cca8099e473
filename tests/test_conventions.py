"""The recipes of the Conventions page against the libraries themselves."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

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


def marian(d_model: int) -> nn.Module:
    layer: nn.Module = libraries.modeling_marian.MarianSinusoidalPositionalEmbedding(512, d_model)
    layer.weight = nn.Parameter(layer.create_weight(), requires_grad=False)  # type: ignore[operator]
    return layer


def of_ids(layer: Any, x: Tensor) -> Tensor:
    return layer(torch.full(x.shape[:2], 5, device=x.device))  # type: ignore[no-any-return]


def of_books(layer: Any, x: Tensor) -> Tensor:
    return layer(torch.full((len(x), 1, x.shape[1]), 5, device=x.device))  # type: ignore[no-any-return]


def of_size(function: Any, x: Tensor) -> Tensor:
    return function(x.shape[1], x.shape[2])  # type: ignore[no-any-return]


def of_timesteps(function: Any, x: Tensor) -> Tensor:
    return function(torch.arange(x.shape[1], device=x.device), x.shape[2])  # type: ignore[no-any-return]


# How the table of the page begins the row of a library, how to make and call it, and what else is wrong with it.
LAYERS: list[tuple[str, Callable[[int], Any], Callable[..., Tensor] | None, set[str]]] = [
    ("diffusers `Sin", lambda d: libraries.diffusers.SinusoidalPositionalEmbedding(d, 512), None, set()),
    (
        "transformers SpeechT5",
        lambda d: libraries.modeling_speecht5.SpeechT5ScaledPositionalEncoding(0, d, 512),
        None,
        set(),
    ),
    ("[transformers Marian]", marian, lambda layer, x: layer(x.shape[:2]), {"initialisation"}),
    ("[Whisper]", lambda d: libraries.whisper, of_size, {"width 2"}),
    (
        "[fairseq; transformers M2M100]",
        lambda d: libraries.modeling_m2m_100.M2M100SinusoidalPositionalEmbedding(512, d, 1),
        of_ids,
        {"width 2"},
    ),
    (
        "[transformers MusicGen]",
        lambda d: libraries.modeling_musicgen.MusicgenSinusoidalPositionalEmbedding(512, d),
        of_books,
        {"width 2"},
    ),
    ("[x-transformers]", libraries.ScaledSinusoidalEmbedding, None, {"bfloat16"}),
    ("[diffusers timesteps]", lambda d: libraries.diffusers.get_timestep_embedding, of_timesteps, {"width 2"}),
    ("[timm]", lambda d: libraries.timm_1d, of_size, set()),
    ("[positional-encodings]", libraries.pos_enc.PositionalEncoding1D, None, {"no memory", "bfloat16"}),
]
PAGE = (ROOT / "docs/conventions.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("library", "make", "call", "wrong"), LAYERS, ids=[layer[0] for layer in LAYERS])
def test_check_layer_says_what_the_page_says(
    library: str, make: Callable[[int], Any], call: Callable[..., Tensor] | None, wrong: set[str]
) -> None:
    """Layout, spacing, first position, odd width and past its length: as in the table, and no fault beside them."""
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| {library}"))
    layout, spacing, first, odd, past = (cell.strip() for cell in row.split("|")[2:7])
    findings = pe.check_layer(make, 64, call=call or (lambda layer, x: layer(x)))
    found, made = {finding.law: finding for finding in findings.laws}, findings.identification
    assert made
    order = {"sin, cos": "interleaved", "per axis": "interleaved", "cosines": "cos_sin"}
    assert made.layout == next((name for start, name in order.items() if layout.startswith(start)), "sin_cos")
    assert made.spacing == {"p": "paper", "t": "tensor2tensor"}[spacing[0]]
    assert made.offset == (2 if first.startswith("`padding_idx + 1`") else 0)
    assert ("learned" in first) == (found["not trained"].grade == "remarks")
    assert found["any length"].grade == ("limits" if past == "error" else "kept") or library == "[Whisper]"
    grade, seen = {
        "crashes": ("limits", "RuntimeError"),
        "error": ("limits", "Error"),
        "column of zeros": ("limits", "zeros"),
        "works, frequencies of the next even width": ("remarks", "next even"),
        "works, one more sine": ("kept", ""),
    }[odd]
    assert found["odd width"].grade == grade
    assert seen in found["odd width"].seen
    assert ("RuntimeError" in found["odd width"].seen) == (odd == "crashes")
    elsewhere = {"odd width", "any length", "token by token", "checkpoint", "export", "moves"}
    assert {finding.law for finding in (*findings.wrong, *findings.limits)} - elsewhere == wrong


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
