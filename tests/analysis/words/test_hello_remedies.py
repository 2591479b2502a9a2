"""The rows for what decides between hellos: `check` alone comes to them."""

import pytest

from stresser.analysis.words.hello_remedies import HELLO_ROWS, KNOWN_BOXES
from stresser.analysis.words.remedy_row import Addressee

OF_HELLOS = {row.obstacle for row in HELLO_ROWS}


@pytest.mark.parametrize("row", HELLO_ROWS, ids=[row.obstacle.value for row in HELLO_ROWS])
def test_a_row_asks_the_network_team_for_what_would_mend_it_and_says_what_is_not_shown(row):
    assert row.whom is Addressee.NETWORK
    assert "{hosts}" in row.ask
    assert row.unproved.endswith(".")


def test_products_stand_beside_a_pattern_with_the_public_report():
    assert set(KNOWN_BOXES) < OF_HELLOS
    assert all("https://tldr.fail" in said for said in KNOWN_BOXES.values())
