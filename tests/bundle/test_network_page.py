import csv
import io

from msgspec.structs import replace

from stresser.analysis.diagnosis.diagnosis import Ask, Mechanism, Whom
from stresser.analysis.diagnosis.hop_stops import HopStop
from stresser.analysis.views.run_report import gather_report
from stresser.bundle.network_page import (
    COLUMNS,
    DroppedFlows,
    asked_of_network,
    write_columns,
)
from stresser.model.cohort import Cohort
from stresser.model.ending import Initiator, Kind
from stresser.model.units import NS_PER_S
from tests.analysis.answer_story import diagnosed
from tests.analysis.story import (
    INSPECTED_TLS,
    VPN,
    Story,
    chain_seen,
    idle_kill_story,
)

ANCHOR_NS = 1_795_392_000 * NS_PER_S
ENDS = {"local": "192.0.2.1:40000", "remote": "[2001:db8::1]:443"}


def collected(story):
    """The flows of a story, their rows as text, and their events as bytes."""
    rows, lines = io.StringIO(newline=""), io.BytesIO()
    write_columns(rows)
    flows = DroppedFlows("monday", ANCHOR_NS, rows, lines)
    for event in story.events:
        flows.event(event)
    return flows, rows.getvalue(), lines.getvalue()


def rows_of(story):
    _, text, _ = collected(story)
    return list(csv.DictReader(io.StringIO(text)))


def test_a_flow_is_a_5_tuple_with_utc_in_milliseconds():
    story = Story([VPN], 2)
    story.drops(story.opens(VPN, 1), 10.1234, idle=4)
    story.drops(story.opens(VPN, 1), 20, Kind.SILENCE, idle=8)
    for event, ends in zip(
        [e for e in story.events if hasattr(e, "pings")], (ENDS, {}), strict=True
    ):
        for name, value in ends.items():
            setattr(event, name, value)
    reset, silence = rows_of(story)
    assert tuple(reset) == COLUMNS
    assert reset["utc_from"] == reset["utc_until"] == "2026-11-23T00:00:10.123Z"
    assert (reset["local_address"], reset["local_port"]) == ("192.0.2.1", "40000")
    assert (reset["remote_address"], reset["remote_port"]) == ("2001:db8::1", "443")
    assert (silence["utc_from"], silence["utc_until"]) == (
        "2026-11-23T00:00:12.000Z", "2026-11-23T00:00:20.000Z",
    )  # fmt: skip


def test_what_this_host_did_is_no_flow():
    story = Story([VPN], 2)
    unfit = {"why": ["host-unfit"]}
    story.drops(story.opens(VPN, 1), 10, initiator=Initiator.HOST, evidence=unfit)
    assert rows_of(story) == []


def test_no_cell_is_a_formula():
    story = Story([Cohort("=cmd|' /C calc'!A0", "vpn", "heartbeat")], 1)
    cohort = Cohort("=cmd|' /C calc'!A0", "@vpn", "heartbeat")
    story.drops(story.opens(cohort, 1), 10)
    [row] = rows_of(story)
    assert row["endpoint"].startswith("'=")
    assert row["egress"] == "'@vpn"


def test_counts_come_with_the_largest_first():
    story = Story([VPN], 3)
    for at in (10, 11):
        story.drops(story.opens(VPN, 1), at)
    story.drops(story.opens(VPN, 1), 12, Kind.TCP_FIN)
    flows, _, lines = collected(story)
    assert lines.count(b"\n") == 3
    assert [(key.kind, number) for key, number in flows.most_first] == [
        ("tcp_reset", 2),
        ("tcp_fin", 1),
    ]


def test_what_is_asked_follows_from_diagnoses_and_interception(tmp_path):
    story = idle_kill_story()
    story.events.insert(1, chain_seen(VPN, INSPECTED_TLS, product="Zscaler"))
    story.opens(VPN, 59, INSPECTED_TLS)
    story.events.sort(key=lambda event: event.t_ns)
    [run] = gather_report([story.recorded(tmp_path / "run")], None).runs
    owner = Ask(whom=Whom.SERVICE_OWNER, says="Raise the maximum age.")
    boxed = diagnosed(Mechanism.INTERCEPTION)
    summary = replace(run.summary, diagnoses=[diagnosed(), diagnosed(ask=owner), boxed])
    asked = asked_of_network(replace(run, summary=summary))
    assert asked[0].startswith("Raise its idle timeout above 6 s, or ping within 4 s. Through")
    assert asked[1].startswith("Exempt from TLS inspection (consistent with Zscaler): broker")
    assert len(asked) == 2


def test_the_hop_is_named_to_the_network_team(tmp_path):
    [run] = gather_report([idle_kill_story().recorded(tmp_path / "run")], None).runs
    stop = HopStop(after=2, address="203.0.113.1", alone=True, walks=3, of_walks=3)
    summary = replace(run.summary, diagnoses=[diagnosed(hop=stop)])
    [asked] = asked_of_network(replace(run, summary=summary))
    assert asked.endswith(
        " 3 of 3 walked flows stop after hop 2 (203.0.113.1); a new connection passes it."
    )


def test_a_flow_that_was_walked_has_its_hop():
    story = Story([VPN], 2)
    walk = {"reading": "stops_alone", "last": {"number": 2, "address": "203.0.113.1"}}
    for hops in (walk, walk | {"reading": "passes"}, None):
        evidence = {} if hops is None else {"hops": hops}
        story.drops(story.opens(VPN, 1), 10, Kind.SILENCE, evidence=evidence)
    assert [row["stops_after"] for row in rows_of(story)] == ["hop 2 (203.0.113.1)", "", ""]
