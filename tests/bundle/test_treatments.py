import pytest

from stresser.bundle.treatments import TREATMENTS, fields_of
from stresser.record.event_lines import flat_types
from stresser.record.manifest import Manifest
from stresser.scenario.plan import Scenario


def reachable():
    """Every type that a line or a manifest may hold, found by following the fields."""
    found, waiting = {}, [*flat_types, Manifest, Scenario]
    while waiting:
        fields = fields_of(waiting.pop())
        if fields.name not in found:
            found[fields.name] = fields
            waiting += fields.nested.values()
    return found


@pytest.mark.parametrize("name", sorted(reachable()))
def test_each_field_that_can_hold_a_text_has_a_treatment_and_no_other_has(name):
    assert reachable()[name].texts == set(TREATMENTS.get(name, {}))


def test_the_table_has_no_type_that_nobody_writes():
    assert TREATMENTS.keys() <= reachable().keys()


def test_closed_lists_and_numbers_are_no_texts():
    fields = reachable()["SessionEnded"]
    assert {"kind", "initiator", "grade", "code", "is_drop"} <= fields.words.keys() - fields.texts
    assert "tcp_reset" in fields.words["kind"]
    assert fields.nested["evidence"].__name__ == "Evidence"
