"""The facts of a check go into JSON and come back."""

import msgspec

from stresser.model.checkup_facts import Checked
from tests.fakes.checked import failed_way, way


def test_a_check_is_data():
    whole = Checked(ways=[way(), failed_way("gateway")], has_route=True)
    text = msgspec.json.encode(whole)
    assert msgspec.json.decode(text, type=Checked) == whole
