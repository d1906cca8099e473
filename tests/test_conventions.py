"""The recipes of the Conventions page against the libraries themselves."""

import re
import sys
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pe
from tests import checkpoints, libraries
from tests.conftest import ROOT

RECIPE = re.compile(r"^### ([^\n]+)\n(?:(?!^#).)*?```python [^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
RECIPES = dict(RECIPE.findall((ROOT / "docs/conventions.md").read_text(encoding="utf-8").split("## Recipes")[1]))
TIMESTEPS = torch.tensor([0.0, 0.5, 499.25, 999.0])
NODES = torch.tensor([0.0, 0.5, 30.0, 2047.0])
IDS = torch.tensor([[5, 6, 7, 1, 1], [1, 8, 9, 5, 6]])
MARIAN = "TensorFlow's tutorial, Marian, Pegasus and RoFormer"
needs_mlx = pytest.mark.skipif(sys.platform == "win32", reason="MLX is not built for Windows")

# Heading of a recipe, the same table from each library, and how far float32 arithmetic leads that one astray.
CASES: list[Any] = [
    ("The paper", lambda: libraries.diffusers_positional(2048, 512), 1.3e-4),
    ("The paper", lambda: libraries.speecht5(2048, 512), 1.3e-4),
    ("The paper", lambda: libraries.positional_encodings(2048, 512), 1.6e-4),
    ("The paper", lambda: libraries.keras_hub(2048, 512), 1.3e-4),
    (MARIAN, lambda: libraries.marian(512, 128), 6e-8),
    (MARIAN, lambda: libraries.tensorflow_tutorial(512, 128), 6e-8),
    pytest.param("MLX", lambda: libraries.mlx(2048, 512), 1e-4, marks=needs_mlx),
    ("PyTorch Geometric", lambda: libraries.pytorch_geometric(NODES, 128), 2e-4),
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
    ("MAE and ViTMAE", lambda: libraries.vit_mae(14, 768), 6e-8),
    ("MAE and ViTMAE", lambda: libraries.vit_mae_row_first(14, 14, 768).roll(384, dims=1), 6e-8),
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
    "TensorFlow's tutorial, Marian, Pegasus and RoFormer": ("sin_cos", "paper", ()),
    "Whisper": ("sin_cos", "tensor2tensor", ()),
    "MusicGen": ("cos_sin", "tensor2tensor", ()),
    "M2M100, NLLB and fairseq": ("sin_cos", "tensor2tensor", ()),
    "x-transformers": ("sin_cos", "paper", ()),
    "Diffusion timesteps": ("sin_cos", "tensor2tensor", ()),
    "Diffusion timesteps, flipped": ("cos_sin", "paper", ()),
    "MAE and ViTMAE": ("sin_cos", "paper", (1, 0)),
    "PyTorch Geometric": ("sin_cos", "tensor2tensor", ()),
    "timm": ("sin_cos", "paper", (0, 1, 0, 1)),
    "DETR": ("interleaved", "paper", (0, 1)),
    "positional-encodings": ("interleaved", "paper", (0, 1)),
}


@pytest.mark.parametrize(("recipe", "build", "bound"), CASES)
def test_table_of_the_library_tells_its_convention(recipe: str, build: Callable[[], Tensor], bound: float) -> None:
    table = build()
    for part in table if table.ndim == 3 else [table]:
        if recipe == "MLX":  # sines of fewer digits than float32 has
            assert pe.identify(part[:64]).sinusoidal is None
            continue
        found = pe.identify(part[:300])
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
    assert {getattr(case, "values", case)[0] for case in CASES} == set(RECIPES)


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
    findings = pe.check_layer(make, 64) if call is None else pe.check_layer(make, 64, call=call)
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
    assert libraries.tensorflow_tutorial(9, 5).shape == (9, 6)
    assert libraries.pytorch_geometric(NODES, 2).equal(torch.stack([NODES.sin(), NODES.cos()], dim=1))
    made_anew = checkpoints.vit_mae(made_anew=True)
    for key in keys_on_the_page("ViTMAE"):
        assert not made_anew[key].any()
    fresh = libraries.marian_fresh(512, 128)
    assert (fresh - libraries.marian(512, 128)).abs().max() > 1


@needs_mlx
def test_where_mlx_differs() -> None:
    assert torch.allclose(libraries.mlx(9, 2), pe.generate_position_encoding(9, 2), atol=1e-6)
    with pytest.raises(ValueError, match="even"):
        libraries.mlx(9, 5)


# A row of the page: the libraries, the keys under which one of their files holds a table, and more.
ROW = re.compile(r"^\| (?:\w+ )?([^|]+?) \| ([^|]+) \| ([^|]*?) ?\|$", re.MULTILINE)
KEYS = (ROOT / "docs/coming.md").read_text(encoding="utf-8").split("## Which key holds the table?")[1].split("\n## ")[0]


def keys_on_the_page(model: str) -> set[str]:
    """Return the keys that the page names in the row of a model."""
    (keys,) = (keys for models, keys, _ in ROW.findall(KEYS) if model in re.split(r", |`", models))
    return set(re.findall(r"`([^`]+)`", keys))


def is_table(tensor: Tensor) -> bool:
    """Return whether all rows are as long as those of a sinusoidal table, in any layout and spacing, or are blank."""
    rows = tensor.squeeze(0)
    if rows.ndim != 2 or not rows.any():
        return False
    norms = rows.norm(dim=1)
    return bool(((norms - (rows.shape[1] / 2) ** 0.5).abs() < 1e-3).logical_or(norms == 0).all())


@pytest.mark.parametrize("model", checkpoints.SAVED)
def test_keys_of_tables_are_those_that_the_library_saves(model: str) -> None:
    saved: Mapping[str, Tensor] = checkpoints.SAVED[model]()
    tables = {key for key, tensor in saved.items() if is_table(tensor)}
    named = keys_on_the_page(model)
    assert named <= set(saved)
    assert tables == {key for key in named if saved[key].squeeze().ndim == 2}


def test_a_checkpoint_can_be_searched(capsys: pytest.CaptureFixture[str]) -> None:
    program = re.findall(r"^```python [^\n]*\n(.*?)^```", KEYS, re.DOTALL | re.MULTILINE)[-1]
    saved = {"steps": torch.tensor(3), "zeros": torch.zeros(4, 8)} | {
        f"{model}: {key}": tensor for model in ("FSMT", "ViTMAE") for key, tensor in checkpoints.SAVED[model]().items()
    }
    exec(program[: program.index("saved =")] + program[program.index("for key") :], {"saved": saved})
    found = {line.rpartition(" (")[0] for line in capsys.readouterr().out.splitlines()}
    assert found == {f"{model}: {key}" for model in ("FSMT", "ViTMAE") for key in keys_on_the_page(model)}
