"""Events go through JSON and back, with their tag."""

from typing import Any

import msgspec
import pytest

from stresser.classify.standing import make_ending
from stresser.model import events
from stresser.model.cohort import Cohort
from stresser.model.ending import Ending, Grade, Initiator, Kind, Phase
from stresser.model.events import AnyEvent, AttemptFailed, RunStarted, SessionEnded
from stresser.model.path_change import PathChange
from stresser.model.unfit import UnfitCause
from stresser.record.event_lines import event_as_line, event_of_line

COMMON: dict[str, Any] = {
    "t_ns": 5,
    "utc": "u",
    "endpoint": "e",
    "egress": "d",
    "activity": "a",
    "attempt": 1,
    "ending": make_ending(
        phase=Phase.HELD,
        kind=Kind.TCP_RESET,
        failure="connection_reset",
        initiator=Initiator.UNKNOWN,
        grade=Grade.ERRNO,
        planned=False,
        age_ns=4,
        idle_ns=None,
        alive_at_ns=1,
        dead_by_ns=5,
        detected_at_ns=6,
    ),
}
ENDED = SessionEnded(session=3, **COMMON)
EVENTS = [
    RunStarted(
        t_ns=0, utc="u", scenario="s", sessions_requested=1, cohorts=[Cohort("e", "d", "a")]
    ),
    ENDED,
    AttemptFailed(**COMMON),
    events.TesterLate(t_ns=1, utc="u", late_ns=9),
    events.TesterLate(t_ns=1, utc="u", late_ns=9, cause=UnfitCause.STOPPED),
    events.PathChanged(t_ns=1, utc="u", change=PathChange.LINK_DOWN, interface="tun0"),
    events.WorkerEnded(t_ns=1, utc="u", worker=2, workers=3, how="killed by SIGKILL", sessions=9),
    events.PathChanged(t_ns=1, utc="u", change=PathChange.MANY, counts={"route_added": 5}),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_reads_back_as_written(event):
    assert event_of_line(event_as_line(event)) == event


def test_the_tag_is_the_events_name():
    assert b'"event":"session_ended"' in event_as_line(ENDED)


def test_an_event_gives_its_ending_and_its_cohort():
    event = ENDED
    assert isinstance(event.ending, Ending)
    assert event.ending.kind is Kind.TCP_RESET
    assert event.cohort == Cohort("e", "d", "a")
    assert event.ending.is_drop


def test_a_line_of_before_there_were_proxies_still_reads():
    line = (
        b'{"event":"session_opened","t_ns":1,"utc":"u","endpoint":"e","egress":"d","activity":"a",'
        b'"session":1,"attempt":1,"phases_ns":{"resolve":1,"connect":2},"local":"192.0.2.1:5",'
        b'"remote":"192.0.2.2:443","tls":{"version":"TLSv1.3","cipher":"c","alpn":null,"chain":"x",'
        b'"verified":true}}'
    )
    event: AnyEvent = event_of_line(line)
    assert isinstance(event, events.SessionOpened)
    assert (event.proxy, event.resolved_by) == (None, None)
    assert b"proxy" not in event_as_line(event)


def test_what_older_runs_recorded_of_chains_still_reads():
    tls = b'{"version":"TLSv1.3","cipher":"X","alpn":null,"chain":"c1","verified":true}'
    cohort = b'"endpoint":"broker","egress":"vpn","activity":"heartbeat"'
    opened = msgspec.json.decode(
        b'{"event":"session_opened","t_ns":1,"utc":"x",' + cohort + b',"session":1,"attempt":1,'
        b'"phases_ns":{},"local":"a","remote":"b","tls":' + tls + b"}",
        type=AnyEvent,
    )
    assert isinstance(opened, events.SessionOpened)
    assert opened.tls is not None
    assert (opened.tls.chain_class, opened.tls.root, opened.tls.intercepted) == (None, None, False)
    seen = msgspec.json.decode(
        b'{"event":"chain_seen","t_ns":1,"utc":"x",' + cohort + b',"chain":"c1","verified":true,'
        b'"problem":null,"certificates":[]}',
        type=AnyEvent,
    )
    assert isinstance(seen, events.ChainSeen)
    assert (seen.chain_class, seen.file, seen.ocsp_staple) == (None, None, None)
