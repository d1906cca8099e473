"""The heads of the score microscope: the file holds what the labs train, in numbers of two bytes."""

import json

import torch
from hypothesis import given
from hypothesis import strategies as st

from docs.figures import heads


def test_file_holds_what_the_labs_train() -> None:
    """Up to the noise of training, which machines do not share: vectors and matrices point the same way."""
    assert heads.FILE.stat().st_size < 100_000
    kept = json.loads(heads.FILE.read_text("utf-8"))
    words, vectors, matrices = heads.trained()
    assert kept["words"] == words
    assert kept["heads"].keys() == matrices.keys()
    pairs = [(kept["vectors"], vectors), *((kept["heads"][name], matrix) for name, matrix in matrices.items())]
    for text, numbers in pairs:
        alike = torch.cosine_similarity(heads.unpacked(text).flatten(), numbers.double().flatten(), dim=0)
        assert alike > 0.9


@given(st.lists(st.floats(-7.9, 7.9), min_size=64, max_size=64))
def test_packing_rounds_to_the_unit(numbers: list[float]) -> None:
    given = torch.tensor(numbers, dtype=torch.float64)
    assert (heads.unpacked(heads.packed(given))[0] - given).abs().max() <= 0.5 / heads.UNIT
