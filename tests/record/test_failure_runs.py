"""Failed attempts that repeat: fewer lines, and not one figure that differs."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stresser.analysis.views.run_report import gather_report
from stresser.bundle.evidence_zip import report_json, write_evidence
from stresser.bundle.verification import verify_bundle
from stresser.model.ending import Kind, Phase
from stresser.model.events import MOST_ALSO, AttemptFailed, RunEnded
from stresser.model.evidence import Evidence, TcpInfo
from stresser.model.fresh_connection import FreshConnection, FreshResult
from stresser.model.packet import FlowPackets
from stresser.model.units import NS_PER_S
from stresser.record.event_lines import event_of_line
from stresser.record.events_file import encode_event
from stresser.record.failure_runs import EACH, FailureRuns, events_in, is_counted, one_by_one
from stresser.record.reader import open_run
from tests.analysis.story import DIRECT, VPN, Story
from tests.record.test_recorder import recorded
from tests.record.test_recorder_failure import SPOILERS

HALF = 10
"""Failures between two writings: one each twentieth of a second."""


def outage_story(failures=1_000):
    """Sessions drop, are refused for a while, of two kinds in turn, and open again."""
    story = Story([DIRECT, VPN], 4)
    held = [story.opens(cohort, 1 + 0.1 * n) for cohort in (DIRECT, VPN) for n in range(4)]
    for session in held[4:]:
        story.drops(session, 20)
    for n in range(failures):
        kind = Kind.REFUSED if n % 100 < 50 else Kind.TIMEOUT
        story.fails(VPN, 20 + 0.05 * n, kind=kind, phase=Phase.CONNECT)
    end = 21 + 0.05 * failures
    again = [story.opens(VPN, end + 0.1 * n) for n in range(4)]
    for session in [*held[:4], *again]:
        story.ends_as_planned(session, end + 60)
    story.stops(end + 60)
    return story


def failures_of(events):
    return [event for event in events if isinstance(event, AttemptFailed)]


def counted(events, flush_each=HALF):
    """As the recorder writes them."""
    runs, written, failures = FailureRuns(), [], 0
    for event in events:
        if isinstance(event, AttemptFailed):
            now = runs.take(event)
            written += [] if now is None else [now]
            failures += 1
        if not isinstance(event, AttemptFailed) or failures % flush_each == 0:
            written += runs.flush()
        if not isinstance(event, AttemptFailed):
            written.append(event)
    return [*written, *runs.flush()]


def test_every_figure_of_a_counted_run_is_that_of_the_same_run_written_each(tmp_path):
    each, few = outage_story(), outage_story()
    few.events = counted(few.events)
    assert len(few.events) < len(each.events) / 4
    whole, short = (
        gather_report([story.recorded(tmp_path / name / "run")], None)
        for name, story in (("each", each), ("few", few))
        if not (tmp_path / name).mkdir()
    )
    assert len(short.runs[0].failed) == 1_000
    assert b"".join(report_json(short)) == b"".join(report_json(whole))


@pytest.mark.slow
def test_a_bundle_of_a_counted_run_verifies_redacted_or_not(tmp_path):
    story = outage_story()
    story.events = counted(story.events)
    run = story.recorded(tmp_path / "run")
    for redact in (False, True):
        write_evidence([run], None, tmp_path / "b.zip", redact=redact)
        assert verify_bundle(tmp_path / "b.zip").wrong == []


def test_the_first_are_written_each_and_again_after_a_quiet_minute():
    story = Story([VPN], 1)
    for n in range(EACH + 10):
        story.fails(VPN, 0.01 * n)
    for n in range(EACH + 10):
        story.fails(VPN, 100 + 0.01 * n)
    written = counted(story.events[1:], flush_each=EACH + 10)
    assert [len(event.also) for event in written] == [0] * EACH + [9] + [0] * EACH + [9]


def test_what_differs_in_what_decides_is_counted_apart():
    story = Story([DIRECT, VPN], 1)
    differences: list[dict[str, Any]] = [
        {}, {"kind": Kind.TIMEOUT}, {"phase": Phase.TLS}, {"status": 503}, {"status": 404},
        {"alert": 40}, {"failure": "other"}, {"raw": "other"},
        *({"evidence": Evidence(headers={"location": place})} for place in ("/a", "/b")),
        *({"evidence": one} for one in (Evidence(why=["a-rule"]), Evidence(first_bytes="00"))),
    ]  # fmt: skip
    for _ in range(EACH + 5):
        for cohort in (DIRECT, VPN):
            for difference in differences:
                story.fails(cohort, 1, **difference)
    written = counted(story.events[1:], flush_each=10_000)
    runs = [event for event in written if event.also]
    assert len(runs) == 2 * len(differences)
    assert {len(event.also) for event in runs} == {4}


INFO = TcpInfo(
    state="ESTABLISHED", retransmits=0, probes=0, backoff=0, unacked=0, notsent_bytes=0,
    total_retrans=0, last_data_sent_ms=1, last_data_recv_ms=1, last_ack_recv_ms=1, rtt_us=1,
    rttvar_us=1, pmtu=1500, bytes_acked=518, bytes_received=0,
)  # fmt: skip
LOOK = FreshConnection(
    asked_ns=1, answered_ns=2, endpoint="broker", egress="vpn", remote="192.0.2.1:443",
    result=FreshResult.ANSWERED,
)  # fmt: skip


def test_a_counted_run_says_of_no_attempt_what_the_kernel_said_of_another(tmp_path):
    """One hello in ten was never acknowledged: so say both, and not the last of each writing."""
    told = []
    for name in ("each", "few"):
        story = Story([VPN], 1)
        for n in range(200):
            info = INFO if n % 10 < 9 else replace(INFO, unacked=1, bytes_acked=1)
            evidence = Evidence(tcp_info=info)
            story.fails(VPN, 1 + 0.05 * n, kind=Kind.TIMEOUT, phase=Phase.TLS, evidence=evidence)
        story.stops(20)
        story.events = story.events if name == "each" else counted(story.events)
        found = gather_report([story.recorded(tmp_path / name)], None).runs[0].summary.diagnoses
        told.append([(one.says, one.failures) for one in found])
    assert told[0] == told[1]
    assert [failures for _, failures in told[0]] == [180, 20]


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(tcp_info=replace(INFO, rtt_us=7)),
        Evidence(tcp_info=INFO, headers={"retry-after": "7"}),
        Evidence(tcp_info=INFO, fresh_connections=[LOOK], since_sent_ns=5, route_changes=["x"]),
    ],
)
def test_what_one_attempt_alone_had_is_told_of_no_other(evidence):
    story = Story([VPN], 1)
    for n in range(EACH + 3):
        own = evidence if n == EACH + 2 else Evidence(tcp_info=INFO)
        if evidence.headers:
            own = replace(own, headers={"retry-after": str(EACH + 9 - n)})
        story.fails(VPN, 0.01 * n, evidence=own, phases_ns={"resolve": n})
    *_, first, second, last = failures_of(one_by_one(counted(story.events, flush_each=1_000)))
    for one in (first, second):
        assert (is_counted(one), one.local, one.phases_ns) == (True, None, {})
        assert one.ending.evidence == Evidence(tcp_info=evidence.tcp_info)
    assert (is_counted(last), last.ending.evidence) == (False, evidence)
    assert last.phases_ns == {"resolve": EACH + 2}


def test_what_the_plan_cuts_is_never_counted():
    story = Story([VPN], 1)
    for _ in range(2 * EACH):
        story.fails(VPN, 1, planned=True)
    assert len(counted(story.events[1:])) == 2 * EACH


def test_of_many_kinds_those_that_come_no_more_make_room():
    story = Story([VPN], 1)
    for n in range(300):  # more than are known at once
        story.fails(VPN, 0.01 * n, failure=f"kind {n}")
    for n in range(EACH + 10):
        story.fails(VPN, 100 + 0.01 * n, failure="a later kind")
    written = counted(story.events[1:], flush_each=10_000)
    assert [len(event.also) for event in written] == [0] * (300 + EACH) + [9]


def test_one_that_is_earlier_than_those_that_wait_is_in_no_run_with_them():
    story = Story([VPN], 1)
    for at in (*[1.0] * EACH, 9, 5):
        story.fails(VPN, at)
    written = counted(story.events[1:], flush_each=10_000)
    assert len(written) == EACH + 2
    assert [event.t_ns for event in written[EACH:]] == [9 * NS_PER_S, 5 * NS_PER_S]


def test_what_a_counted_attempt_did_not_record_is_not_that_of_another():
    story = Story([VPN], 1)
    for _ in range(EACH + 2):
        story.fails(VPN, 1)
    [*_, last] = failures_of(counted(story.events[1:], flush_each=10_000))
    packets = FlowPackets(unlisted=1)
    evidence = replace(last.ending.evidence, packets=packets)
    ending = replace(last.ending, evidence=evidence)
    told = failures_of(one_by_one([replace(last, local="192.0.2.7:40001", ending=ending)]))
    assert [one.local for one in told] == [None, "192.0.2.7:40001"]
    assert [one.ending.evidence.packets for one in told] == [None, packets]


def test_an_event_stands_for_so_many_at_most():
    story = Story([VPN], 1)
    for n in range(EACH + 100):
        story.fails(VPN, 0.01 * n)
    written = counted(story.events[1:], flush_each=10_000)
    assert [1 + len(event.also) for event in written[EACH:]] == [33, 33, 33, 1]
    line = encode_event(written[EACH])
    assert msgspec.json.decode(line)["also"] == list(range(EACH + 1, EACH + MOST_ALSO + 1))
    forged = line.replace(b'"also":[', b'"also":[1,')
    with pytest.raises(msgspec.ValidationError):
        event_of_line(forged)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200)), max_size=400))
def test_each_attempt_comes_back_once_with_its_number_and_in_order_of_its_kind(steps):
    story, at = Story([DIRECT, VPN], 1), 0.0
    for which, step in steps:
        at += step / 1000
        story.fails((DIRECT, VPN)[which % 2], at, kind=(Kind.REFUSED, Kind.TIMEOUT)[which // 2])
    told = failures_of(story.events)
    written = counted(told, flush_each=17)
    lines = b"".join(map(encode_event, written))
    assert events_in(lines) == len(told)
    back = failures_of(one_by_one(event_of_line(line) for line in lines.splitlines()))
    assert sorted(event.attempt for event in back) == [event.attempt for event in told]
    times = {event.attempt: event for event in told}
    for event in back:
        own = times[event.attempt]
        assert (event.cohort, event.ending.kind) == (own.cohort, own.ending.kind)
        assert abs(event.t_ns - own.t_ns) <= 17 * 200_000_000
        assert event.t_ns - event.ending.dead_by_ns == own.t_ns - own.ending.dead_by_ns
        assert not event.also


def test_a_text_that_looks_like_a_count_is_none():
    story = Story([VPN], 1)
    story.fails(VPN, 1, raw='","also":[1,2,3],"x":"', reason='"also":[1]')
    assert events_in(encode_event(story.events[1])) == 1


def test_a_recorder_counts_and_nothing_waits_for_longer_than_a_writing(tmp_path):
    story = outage_story(300)

    async def work(recorder, folder):
        for event in story.events[:-1]:
            recorder.event(event)
        recorder.flush_now()
        assert len(list(open_run(folder.path).events())) == len(story.events) - 1

    folder, recorder = recorded(tmp_path, work)
    lines = folder.events.read_bytes().splitlines()
    assert len(lines) < len(story.events) / 2
    *back, last = open_run(folder.path).events()
    assert isinstance(last, RunEnded)
    assert recorder.unrecorded_events == 0
    told = [event.attempt for event in failures_of(story.events)]
    assert sorted(event.attempt for event in failures_of(back)) == told


def test_counted_attempts_that_are_lost_are_counted_as_lost(tmp_path):
    failures = outage_story(300).events[-320:]
    total = len(failures_of(failures))

    def spoil(folder):
        folder.manifest.write_text("")
        SPOILERS["events file removed"](folder)

    async def work(recorder, folder):
        spoil(folder)
        for event in failures_of(failures):
            recorder.event(event)
        recorder.flush_now()
        assert recorder.failure is not None

    _, recorder = recorded(tmp_path, work)
    assert recorder.unrecorded_events == total
    assert recorder.gap is not None
    assert recorder.gap.events == total
