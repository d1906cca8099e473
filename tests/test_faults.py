"""The list of faults fits the checkout; `make faults` tries them."""

import pytest

from tests.faults import FAULTS, Fault


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_can_be_put_in(fault: Fault) -> None:
    assert fault.text()
