"""A line is flat, an event holds an ending: there, back, and from version 0.1."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stresser.classify.packet_origin import provenance
from stresser.model.ending import NoDrop
from stresser.model.events import SessionEnded
from stresser.model.evidence import Evidence
from stresser.record.event_lines import event_as_line, event_of_line, event_tag, flat_types
from tests.classify.test_packet_origin import EXPECTED, flow, no_socket, packet
from tests.fakes.json_values import JSON
from tests.record.sample_events import numbered, session_ended

OLD_RUN = Path(__file__).parent / "run_of_0_1" / "events.jsonl"


def read(fields):
    event = event_of_line(json.dumps(fields).encode())
    assert isinstance(event, SessionEnded)
    return event


def written(**changes):
    return json.loads(event_as_line(session_ended(**changes)))


def test_the_endings_fields_stand_among_the_events():
    fields = written()
    assert fields["event"] == "session_ended"
    assert (fields["kind"], fields["is_drop"]) == ("tcp_reset", True)
    assert "ending" not in fields


@pytest.mark.parametrize("event", [session_ended(), numbered(3)], ids=["ended", "other"])
def test_an_event_reads_back_as_written(event):
    assert event_of_line(event_as_line(event)) == event


def test_each_event_has_one_form():
    assert len({event_tag(one) for one in flat_types}) == len(flat_types)


def test_what_an_ending_counts_as_is_read_as_recorded():
    assert read(written(is_drop=False, no_drop=NoDrop.HOST_UNFIT)).ending.is_drop is False


@pytest.mark.parametrize(
    ("changes", "is_drop", "no_drop"),
    [
        ({}, True, None),
        ({"evidence": {"why": ["host-unfit"]}}, False, "host_unfit"),
        ({"kind": "host_slept"}, False, "host_slept"),
        ({"initiator": "tool"}, False, "tool"),
        ({"kind": "planned", "planned": True, "phase": "closing"}, False, "planned"),
        ({"phase": "tls"}, False, None),
    ],
)
def test_a_line_of_version_0_1_gets_what_follows_from_it(changes, is_drop, no_drop):
    fields = written()
    for name in ("is_drop", "no_drop", "answers_send", "unasked", "silence_ns"):
        fields.pop(name, None)
    ending = read(fields | changes).ending
    assert (ending.is_drop, ending.no_drop) == (is_drop, no_drop)


def test_a_recorded_run_of_version_0_1_reads():
    events = [event_of_line(line) for line in OLD_RUN.read_bytes().splitlines()]
    endings = [one.ending for one in events if isinstance(one, SessionEnded)]
    assert len(endings) == 24
    assert sum(one.is_drop for one in endings) == 14
    assert {one.no_drop for one in endings if not one.is_drop} == {NoDrop.PLANNED}
    silent = [one for one in endings if one.kind == "silence"]
    assert all(one.evidence.tcp_info and one.evidence.packets for one in silent)
    assert silent[0].evidence.ping_sent_ns is not None
    assert all(one.evidence.fresh_connections for one in silent)
    reset = [one for one in endings if one.kind == "tcp_reset"]
    assert all(one.evidence.origin and one.evidence.why for one in reset)
    assert {one.evidence.close for one in endings if one.planned} == {"answered", "unanswered"}


def test_parts_of_the_evidence_are_read_by_their_old_names():
    fields = written(
        evidence=Evidence(origin=provenance(flow(packet("RA")), expected_seq=EXPECTED))
    )
    evidence = fields["evidence"]
    old = read(fields | {"evidence": {"provenance": evidence["origin"]}})
    assert old.ending.evidence.origin == read(fields).ending.evidence.origin is not None


GOOD = written(
    evidence=Evidence(
        packets=flow(no_socket(), packet("RA"), no_socket(outgoing=True)),
        origin=provenance(flow(packet("RA")), expected_seq=EXPECTED),
        since_sent_ns=4,
    )
)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("origin", "ttl", "63"),
        ("origin", "ttl", 10**400),
        ("origin", "shape", "banana"),
        ("origin", "signals", 7),
        ("packets", "unlisted", -1),
        ("packets", "ends", [{}]),
    ],
)
def test_a_part_that_is_damaged_is_as_if_it_were_not_there(part, field, value):
    evidence = GOOD["evidence"]
    damaged = read(GOOD | {"evidence": evidence | {part: evidence[part] | {field: value}}})
    assert getattr(damaged.ending.evidence, part) is None
    assert damaged.ending.evidence.since_sent_ns == 4
    assert damaged.ending.is_drop


@settings(deadline=None)
@given(st.sampled_from(sorted(GOOD["evidence"])), JSON)
def test_any_value_in_any_part_leaves_the_rest(part, value):
    assert read(GOOD | {"evidence": GOOD["evidence"] | {part: value}}).session == GOOD["session"]


@pytest.mark.parametrize("line", [b"[]", b"7", b'{"event":"x"}', b'{"event":"session_ended"}'])
def test_no_event_is_an_error_that_the_reader_expects(line):
    with pytest.raises((msgspec.MsgspecError, ValueError)):
        event_of_line(line)
