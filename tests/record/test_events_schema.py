"""What is written obeys the schema that is published, down to each part of the evidence."""

import json

import jsonschema
import pytest
from msgspec.structs import replace

from stresser.model.evidence import Evidence
from stresser.model.packet import FlowPackets
from stresser.record.event_lines import event_as_line
from stresser.record.events_schema import events_schema
from tests.record.sample_events import numbered, session_ended

CHECK = jsonschema.Draft202012Validator(events_schema())


@pytest.mark.parametrize(
    "event",
    [
        session_ended(),
        session_ended(evidence=Evidence(why=["a"], packets=FlowPackets(), close="answered")),
        numbered(3),
    ],
    ids=["ended", "evidence", "other"],
)
def test_an_event_as_written_obeys_the_schema(event):
    CHECK.validate(json.loads(event_as_line(event)))


def test_it_is_a_valid_json_schema():
    jsonschema.Draft202012Validator.check_schema(events_schema())
    assert json.loads(json.dumps(events_schema())) == events_schema()


def test_what_is_not_in_the_closed_lists_does_not():
    written = json.loads(event_as_line(session_ended()))
    assert not CHECK.is_valid(written | {"kind": "death"})
    assert not CHECK.is_valid(written | {"evidence": {"path_changes": [{"t_ns": 1}]}})
    assert not CHECK.is_valid({**written, "is_drop": None})


def test_fields_of_the_ending_and_of_the_evidence_are_described():
    text = json.dumps(events_schema())
    assert "Last proof of life" in text
    assert "Names of the rules that decided" in text
    evidence = events_schema()["$defs"]["Evidence"]["properties"]
    assert set(evidence) == set(Evidence.__struct_fields__)


def test_a_line_holds_no_nested_ending():
    ended = session_ended()
    assert "ending" not in json.loads(event_as_line(replace(ended, pings=5)))
