"""Damaged scenarios and allowlists: read, or refused line by line."""

from pathlib import Path

import pytest

from stresser.citrix.allowlist_file import read_allowlist
from stresser.citrix.allowlist_since import compare_lists
from stresser.lab.behaviours import parse_behaviour
from stresser.scenario.decode import decode_scenario
from tests.citrix.allowlists import V1, V2, V2_SERVICES, V2_ZSCALER, as_bytes
from tests.fuzz.damage import Rounds, damaged, only_mistakes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]
SCENARIOS = [path.read_bytes() for path in sorted(Path("scenarios").glob("*.toml"))]
WHOLE = read_allowlist(as_bytes(V2_SERVICES), "list.json", "acme1")
ALLOWLISTS = [as_bytes(tree) for tree in (V1, V2, V2_SERVICES, V2_ZSCALER)]


def test_a_damaged_scenario_is_no_traceback():
    for dice in Rounds("scenarios"):
        data = damaged(dice.choice(SCENARIOS), dice)
        with only_mistakes(data):
            decode_scenario(data, "s.toml", check_lab=parse_behaviour)


def test_a_damaged_allowlist_is_no_traceback():
    for dice in Rounds("allowlists"):
        data = damaged(dice.choice(ALLOWLISTS), dice)
        with only_mistakes(data):
            found = read_allowlist(data, "list.json", "acme1")
            changes = compare_lists(WHOLE, found)
            texts = [one.written for one in (*changes.new, *changes.gone)]
            assert all(text.isprintable() for text in (*texts, *found.not_understood))
