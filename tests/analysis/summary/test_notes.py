"""What a reader is told besides the figures."""

from typing import Any

from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.summary.notes import run_notes
from stresser.model import events as model_events
from stresser.model.cohort import Cohort
from stresser.model.ending import Proof
from stresser.model.hops import Hop
from stresser.model.path_change import PathChange
from stresser.model.proxy_chosen import ProxyChosen
from stresser.model.unfit import UnfitCause
from tests.analysis.story import SCENARIO, VPN, Story, idle_kill_story, seconds, utc


def notes_of(story: Story, scenario: dict[str, Any] = SCENARIO) -> list[str]:
    tally = Tally()
    for event in story.events:
        tally.event(event)
    return run_notes(tally, read_plan(scenario))


def test_nothing_to_note():
    assert notes_of(idle_kill_story()) == []


def test_heartbeats_with_no_carrier_are_held_silent():
    raw = Cohort("raw", "direct", "heartbeat")
    story = Story([raw], 1)
    story.ends_as_planned(story.opens(raw, 0), 60, proved=Proof.UNPROVED)
    scenario = SCENARIO | {"endpoints": [{"name": "raw", "url": "tls://a.example.net:8443"}]}
    muted, silent = notes_of(story, scenario)
    assert muted.startswith("Without WebSocket there are no pings: sessions to raw are held silent")
    assert silent.startswith("1 session sent nothing while held")


def test_an_accept_is_no_server():
    bare, broker = Cohort("bare", "direct", "heartbeat"), Cohort("bare", "direct", "mqtt")
    scenario = SCENARIO | {
        "endpoints": [{"name": "bare", "url": "tcp://a.example.net:5222"}],
        "activities": [{"name": "heartbeat"}, {"name": "mqtt", "kind": "mqtt"}],
    }

    def accepted(cohort: Cohort) -> list[str]:
        story = Story([cohort], 1)
        story.ends_as_planned(story.opens(cohort, 0, tls=None), 60)
        return [note for note in notes_of(story, scenario) if "somebody accepted" in note]

    assert len(accepted(bare)) == 1
    assert not accepted(broker)
    assert not [note for note in notes_of(Story([bare], 1), scenario) if "accepted" in note]


def test_clocks_lateness_chains_and_gaps():
    story = Story([VPN], 1)
    story.drops(story.opens(VPN, 0), 5)
    story.events.pop(1)
    story.events += [
        model_events.ClockStepped(t_ns=1, utc=utc(1), step_ns=seconds(3600)),
        model_events.TesterLate(t_ns=2, utc=utc(2), late_ns=seconds(0.25)),
        model_events.ChainSeen(
            t_ns=3,
            utc=utc(3),
            **VPN._asdict(),
            chain="c",
            verified=False,
            problem="self-signed certificate",
            certificates=[],
        ),
    ]
    notes = notes_of(story)
    assert notes == [
        "The certificate chain of broker through vpn does not verify: self-signed certificate.",
        "The wall clock was set 1 time, 1 h in all; recorded times do not follow it.",
        "stresser was late 1 time, by 250 ms at worst: times then are upper bounds.",
        "The record lacks the opening of 1 session that ended.",
    ]


def changed(t_ns: int, change: PathChange, **fields: Any) -> model_events.PathChanged:
    return model_events.PathChanged(t_ns=t_ns, utc=utc(t_ns), change=change, **fields)


def test_path_changes_are_told_in_one_note():
    story = idle_kill_story()
    story.events += [
        changed(seconds(7), PathChange.LINK_DOWN, interface="tun0", is_tunnel=True),
        changed(seconds(8), PathChange.DEFAULT_ROUTE_CHANGED, detail="added: 0.0.0.0/0 dev eth0"),
    ]
    (note,) = notes_of(story)
    assert note == (
        "2 path changes of this host: tun0 (a tunnel) went down at 00:00:07 UTC; "
        "default route added: 0.0.0.0/0 dev eth0 at 00:00:08 UTC."
    )


def chosen(t_ns: int = 0, **fields: Any) -> ProxyChosen:
    a_list = {"entries": ["http://a:1", "direct"], "chosen": "http://a:1"}
    said = {"source": "pac:x.pac", "url": "wss://e/", "answer": "PROXY a:1; DIRECT"}
    pair = {"endpoint": "broker", "egress": "corp"}
    return ProxyChosen(**{"t_ns": t_ns, "utc": utc(t_ns), **pair, **said, **a_list, **fields})


def test_what_a_pac_said_and_each_failover_are_notes():
    story = idle_kill_story()
    change = {"chosen": "direct", "instead_of": "http://a:1", "failure": "refused", "attempt": 9}
    story.events += [
        chosen(),
        chosen(endpoint="other"),
        *(chosen(seconds(7), **change) for _ in range(6)),
    ]
    said, *changes, more = notes_of(story)
    assert said == (
        'x.pac returned "PROXY a:1; DIRECT", so sessions through corp go through http://a:1'
        " (broker, other)."
    )
    told = "broker through corp: http://a:1 failed (refused): new sessions go directly."
    assert changes == [f"At {utc(seconds(7))}, {told}"] * 4
    assert more == "2 more changes of proxy are in `events.jsonl`."


def test_a_night_of_path_changes_is_one_note():
    story = idle_kill_story()
    story.events += [changed(n, PathChange.LINK_UP, interface=f"eth{n}") for n in range(1000)]
    story.events.append(changed(9, PathChange.MANY, counts={"route_added": 8000, "x": -3}))
    story.events.append(changed(9, PathChange.OVERRUN))
    (note,) = notes_of(story)
    assert note.startswith("9,000 path changes of this host: eth0 came up")
    assert note.endswith(", ...")
    assert len(note) < 400


def test_why_stresser_was_late_is_said():
    story = idle_kill_story()
    story.events += [
        model_events.TesterLate(t_ns=n, utc=utc(n), late_ns=seconds(0.2), cause=cause)
        for n, cause in enumerate([UnfitCause.GC, UnfitCause.STOPPED, UnfitCause.STOPPED])
    ]
    (note,) = notes_of(story)
    assert note.startswith(
        "stresser was late 3 times (collecting garbage 1 time, stopped by this host 2 times), by"
    )


def test_floods_are_named_the_longest_first_and_short_bursts_are_not():
    cohorts = [Cohort(name, "vpn", "heartbeat") for name in "abcdefg"]
    story = Story(cohorts, 1)
    for number, cohort in enumerate(cohorts):
        story.ends_as_planned(story.opens(cohort, 0), 60)
        ended = story.events[-1]
        assert isinstance(ended, model_events.SessionEnded)
        ended.held_back_ns = seconds(number / 2)
    notes = notes_of(story)
    assert notes[0] == (
        "g through vpn sent more than a session's share: stresser read 1 session in turn with"
        " others, and left them unread for 3 s in all; round trips of that time are left out."
    )
    assert [note[0] for note in notes] == ["g", "f", "e", "d", "T"]
    assert notes[-1] == "The same goes for 1 more cohort."


def path_of(session: int, *addresses: str | None, before: tuple[str | None, ...] = ()) -> Any:
    hops, were = (
        [Hop(number=n, address=address) for n, address in enumerate(path, 1)]
        for path in (addresses, before)
    )
    return model_events.HopsSeen(
        t_ns=session, utc=utc(1), **VPN._asdict(), session=session, remote="203.0.113.9:443",
        hops=hops, before=were,
    )  # fmt: skip


def test_the_path_that_flows_take_and_its_change():
    story = idle_kill_story()
    story.events += [
        path_of(1, "198.51.100.1", None, "203.0.113.1"),
        path_of(2, "198.51.100.1", None, "203.0.113.1"),
    ]
    path = "Flows to broker through vpn pass 3 hops: 198.51.100.1, silent, 203.0.113.1."
    assert notes_of(story) == [path]
    before = ("198.51.100.1", None, "203.0.113.1")
    story.events.append(path_of(2, "198.51.100.1", None, "203.0.113.9", before=before))
    changed = "That path changed, of session 2 hop 3: 203.0.113.1 -> 203.0.113.9."
    assert notes_of(story) == [path, changed]


def test_workers_that_died():
    story = Story([VPN], 1)
    story.opens(VPN, 0)
    story.events += [
        model_events.WorkerEnded(
            t_ns=seconds(9), utc=utc(seconds(9)), worker=number, workers=7, how=how, sessions=held
        )
        for number, (how, held) in enumerate(
            [("killed by SIGKILL", 700), ("\x1b", 1), ("exit code 4", 0), *[("a", 5)] * 4], 1
        )
    ]
    first, second, third, _, others = notes_of(story)
    assert first == (
        f"Worker 1 of 7 died (killed by SIGKILL) at {utc(seconds(9))}; its 700 sessions ended"
        " there, which is no drop."
    )
    assert second.startswith("Worker 2 of 7 died (\\x1b)")
    assert second.endswith("its 1 session ended there, which is no drop.")
    assert third.endswith("it held no session.")
    assert others.startswith("3 more workers died, too")


def test_of_workers_that_died_each_time_the_run_went_on_a_few_are_told():
    story = Story([VPN], 1)
    story.events += [
        model_events.WorkerEnded(
            t_ns=at, utc=utc(at), worker=1, workers=2, how="exit code 4", sessions=1
        )
        for at in range(1000)
    ]
    *_, others = notes_of(story)
    assert others.startswith("996 more workers died, too")
