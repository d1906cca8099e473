"""What the figures show is what the functions say."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.markers import MarkerStyle

import pe
from pe import figures

mpl.use("agg")

CALLS: list[tuple[Any, tuple[Any, ...]]] = [
    (figures.heatmap, (pe.generate_position_encoding(32, 128),)),
    (figures.curves, ([0, 5], 8, 40)),
    (figures.wavelengths, (8, (100, 10_000))),
    (figures.clock_hands, (3, 8)),
    (figures.rotation, (2, 8)),
    (figures.similarity, ((8, 16), 50)),
    (figures.distances, ((8, 16), 50)),
    (figures.products, (pe.generate_position_encoding(16, 8),)),
]


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.parametrize(("function", "arguments"), CALLS)
def test_draws_on_the_axes_given_and_returns_them(
    function: Any, arguments: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plt, "show", lambda *_: pytest.fail("a figure calls show"))
    _, (left, right) = plt.subplots(1, 2)
    assert function(*arguments, ax=right) is right
    assert right.has_data()
    assert not left.has_data()
    assert function(*arguments).get_figure() is not right.get_figure()


@pytest.mark.parametrize(("function", "arguments"), CALLS)
def test_draws_whatever_the_default_device_is(function: Any, arguments: tuple[Any, ...]) -> None:
    with torch.device("meta"):
        assert function(*arguments).has_data()


def test_bases_are_told_apart() -> None:
    legend = figures.wavelengths(8, [1.2, 1.4, 10_000]).get_legend()
    assert legend
    assert [text.get_text() for text in legend.get_texts()] == ["base 1.2", "base 1.4", "base 10,000"]


def test_every_figure_is_tested() -> None:
    public = {name for name, value in vars(figures).items() if getattr(value, "__module__", "") == "pe.figures"}
    assert {function.__name__ for function, _ in CALLS} == {name for name in public if not name.startswith("_")}


def test_heatmap_is_that_of_the_article() -> None:
    table = pe.generate_position_encoding(32, 128)
    ax = figures.heatmap(table)
    (mesh,) = ax.collections
    assert np.allclose(np.asarray(mesh.get_array()).reshape(32, 128), table)
    assert mesh.get_cmap().name == "coolwarm"
    assert mesh.get_clim() == (-1, 1)
    assert mesh.colorbar is not None
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("Position encoding", "Dimension", "Position")
    assert ax.yaxis_inverted()
    assert ax.xaxis.get_ticks_position() == "top"


def test_curves_pass_through_the_table() -> None:
    ax = figures.curves([0, 5], 8, 40)
    table = pe.generate_position_encoding(40, 8)
    dots = [line for line in ax.lines if len(line.get_xdata()) == 40]  # type: ignore[arg-type]
    assert [np.allclose(line.get_ydata(), table[:, column]) for line, column in zip(dots, (0, 5), strict=True)] == [
        True
    ] * 2


def test_lines_show_what_the_functions_return() -> None:
    assert np.allclose(figures.wavelengths(8, (100,)).lines[0].get_ydata(), pe.wavelengths(8, base=100))
    lags = torch.arange(51)
    assert np.allclose(figures.similarity((8,), 50).lines[0].get_ydata(), pe.similarity(lags, 8))
    rows = pe.generate_position_encoding(51, 8, dtype=torch.float64)
    assert np.allclose(figures.distances((8,), 50).lines[0].get_ydata(), (rows[1:] - rows[0]).norm(dim=1))
    table = pe.generate_position_encoding(16, 8, dtype=torch.float64)
    assert np.allclose(np.asarray(figures.products(table).collections[0].get_array()).reshape(16, 16), table @ table.T)


def test_distances_reach_from_the_smallest_to_the_largest() -> None:
    """Of more distances than can be drawn, the line keeps the smallest, and the band has the largest."""
    rows = pe.generate_position_encoding(30_001, 4, dtype=torch.float64)
    distance = (rows[1:] - rows[0]).norm(dim=1).numpy()
    ax = figures.distances((4,), 30_000)
    starts, lowest = np.asarray(ax.lines[0].get_xydata()).T
    heights = np.asarray(ax.collections[0].get_paths()[0].vertices)[:, 1]
    assert len(starts) < 300
    assert (lowest.min(), heights.min(), heights.max()) == pytest.approx(
        (distance.min(), distance.min(), distance.max())
    )
    ends = [*starts[1:], 30_001]
    assert lowest == pytest.approx([distance[int(a) - 1 : int(b) - 1].min() for a, b in zip(starts, ends, strict=True)])


def test_hands_point_where_the_row_says() -> None:
    ax = figures.clock_hands(3, 8, pairs=(0, 1))
    row = pe.generate_position_encoding(1, 8, offset=3)[0]
    tips = [line.get_xydata()[0] for line in ax.lines if len(line.get_xdata()) == 1]  # type: ignore[arg-type, index]
    assert np.allclose(np.array(tips) - [[0, 0], [2.6, 0]], row[:4].reshape(2, 2), atol=1e-6)


@pytest.mark.parametrize(("offset", "pair"), [(2, 1), (2, 0), (-1, 0)])
def test_arcs_end_where_the_shift_leads_and_their_heads_point_there(offset: int, pair: int) -> None:
    ax = figures.rotation(offset, 8, pair=pair, seq_len=3)
    arcs = [line for line in ax.lines if len(line.get_xdata()) == 60]  # type: ignore[arg-type]
    heads = [line for line in ax.lines if isinstance(line.get_marker(), tuple)]
    rows = pe.encode_positions(torch.arange(-1, 5), 8)[:, 2 * pair : 2 * pair + 2]
    for p, (arc, head) in enumerate(zip(arcs, heads, strict=True), start=1):
        path = np.asarray(arc.get_xydata())
        assert np.allclose(path[0] / np.linalg.norm(path[0]), rows[p], atol=1e-5)
        assert np.allclose(path[-1] / np.linalg.norm(path[-1]), rows[p + offset], atol=1e-5)
        assert np.allclose(path[-1], head.get_xydata(), atol=1e-5)
        drawn = MarkerStyle(head.get_marker())
        tip = drawn.get_transform().transform(np.asarray(drawn.get_path().vertices)[0])
        last = path[-1] - path[-2]
        assert np.allclose(tip / np.linalg.norm(tip), last / np.linalg.norm(last), atol=0.03)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: figures.heatmap([[1]]), TypeError, "encoding must be a torch.Tensor"),  # type: ignore[arg-type]
        (lambda: figures.heatmap(torch.zeros(3)), ValueError, "encoding must be a"),
        (lambda: figures.products(torch.zeros(0, 3)), ValueError, "encoding must be a"),
        (lambda: figures.curves([8], 8, 4), ValueError, "columns must be from 0 to 7, got 8"),
        (lambda: figures.clock_hands(0, 8, pairs=[4]), ValueError, "pairs must be from 0 to 3, got 4"),
        (lambda: figures.rotation(1, 8, pair=-1), ValueError, "pair must be from 0 to 3, got -1"),
        (lambda: figures.similarity([8], 0), ValueError, "max_offset must be at least 1"),
    ],
)
def test_bad_arguments_are_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_package_works_without_matplotlib_and_figures_say_what_is_missing() -> None:
    program = """
import sys
sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = sys.modules["seaborn"] = None
import pe
table = pe.generate_position_encoding(3, 4)
try:
    pe.figures.heatmap(table)
except ImportError as error:
    print(error)
"""
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "pip install matplotlib seaborn" in printed
