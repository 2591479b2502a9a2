"""Run folders as runs leave them, in every state, to one summary."""

import json
import random

import msgspec
import pytest

from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.summary.run_reading import read_run
from stresser.analysis.summary.summary import Summary, summarise
from stresser.model import events as model_events
from stresser.model.quantity import Quantity
from stresser.record.folder import RunFolder
from stresser.record.manifest import Status
from stresser.record.reader import open_run
from stresser.record.summary_file import read_summary, write_summary
from tests.analysis.story import DIRECT, SCENARIO, VPN, Story, idle_kill_story, seconds, utc


def with_samples() -> Story:
    story = idle_kill_story()
    story.samples(Quantity.TLS, DIRECT, *[10] * 20)
    story.samples(Quantity.TLS, VPN, *[30] * 20)
    story.samples(Quantity.LOOP_LAG, None, 1, 2, 3)
    return story


def test_a_complete_run(tmp_path):
    rules = {"drops": "= 0", "tls.p99": "< 800ms"}
    run = with_samples().recorded(tmp_path, scenario=SCENARIO | {"thresholds": rules})
    summary = summarise(run)
    assert (summary.status, summary.end_reason) == ("complete", "duration")
    assert (summary.scenario, summary.elapsed_ns) == ("made-up", seconds(60))
    assert [(r.rule, r.verdict) for r in summary.thresholds] == [
        ("drops = 0", "fail"),
        ("tls.p99 < 800ms", "pass"),
    ]
    assert (summary.verdict, summary.doubts) == ("fail", [])
    direct, vpn = summary.cohorts
    assert (direct.egress, direct.drops, direct.sessions_open) == ("direct", 0, 20)
    assert (vpn.egress, vpn.drops, vpn.sessions_open) == ("vpn", 20, 0)
    assert summary.total.drops == 20
    assert summary.total.percentiles["tls"].count == 40
    assert vpn.percentiles["tls"].p50_ns == pytest.approx(seconds(0.03), rel=0.001)
    assert summary.loop_lag is not None
    assert any(
        said.startswith("Through vpn to broker, heartbeat: 20 d") for said in summary.findings
    )
    timed = summary.findings[0]
    assert timed == (
        "Through vpn to broker: 20 of 20 drops came after 4.01 s (3.97 s to 4.04 s) of silence: a "
        "timer of silence; no session there is known to have survived a longer silence."
    )
    assert not any("share a moment" in said for said in summary.findings)
    assert (summary.total.incidents, vpn.incidents, direct.incidents) == (20, 20, 0)
    assert (summary.incidents, summary.periods) == ([], [])
    (timer,) = summary.timers
    assert (timer.variables, timer.egress, timer.drops, timer.of) == (["idle"], "vpn", 20, 20)
    assert [ending.session for ending in summary.last_endings] == list(range(31, 41))


def test_replay_of_the_folder_is_the_live_tally(tmp_path):
    story = with_samples()
    live = Tally()
    for event in story.events:
        live.event(event)
    replayed = read_run(story.recorded(tmp_path)).tally
    for cohort, figures in live.cohorts.items():
        twin = replayed.cohorts[cohort]
        assert twin.session_time_ns(live.now_ns) == figures.session_time_ns(live.now_ns)
        assert (twin.drops, twin.opened, twin.open) == (figures.drops, figures.opened, figures.open)


def test_without_thresholds_there_is_no_verdict(tmp_path):
    assert summarise(with_samples().recorded(tmp_path)).verdict == "none"


@pytest.mark.parametrize(("thresholds", "verdict"), [({}, "none"), ({"sessions": "> 0"}, "pass")])
@pytest.mark.parametrize("asked", [2, 3])
def test_fewer_sessions_than_asked_are_inconclusive(tmp_path, asked, thresholds, verdict):
    story = Story([VPN], asked)
    for at in (1, 2):
        story.opens(VPN, at)
    story.stops(60)
    scenario = SCENARIO | {"thresholds": thresholds}
    summary = summarise(story.recorded(tmp_path, scenario=scenario))
    doubt = ["1 of 3 sessions never opened; no attempt at them came to an end"]
    assert summary.verdict == (verdict if asked == 2 else "inconclusive")
    assert summary.doubts == ([] if asked == 2 else doubt)


def test_no_session_is_inconclusive_with_no_thresholds(tmp_path):
    story = Story([VPN], 3)
    story.fails(VPN, 1)
    story.stops(10)
    assert summarise(story.recorded(tmp_path)).verdict == "inconclusive"


def unended() -> Story:
    story = Story([DIRECT], 2)
    for _ in range(2):
        story.opens(DIRECT, 0)
    story.samples(Quantity.RTT, DIRECT, 5, 5, 5)
    return story


def test_a_crashed_run_counts_to_its_last_sign_of_life(tmp_path):
    run = unended().recorded(tmp_path, status=Status.RUNNING, histograms_until=3600)
    summary = summarise(run)
    assert summary.status == "crashed"
    assert summary.crashed_at_utc == "2026-11-23T01:00:00.000000Z"
    assert summary.elapsed_ns == seconds(3600)
    assert summary.cohorts[0].session_time_ns == 2 * seconds(3600)
    assert "the run crashed at 2026-11-23T01:00:00.000000Z" in summary.doubts
    assert summary.verdict == "inconclusive"


def test_a_running_run_is_told_as_such(tmp_path):
    run = unended().recorded(tmp_path, status=Status.RUNNING, is_alive=True, histograms_until=60)
    summary = summarise(run)
    assert (summary.status, summary.verdict) == ("running", "inconclusive")
    assert summary.elapsed_ns == seconds(60)
    assert "the run has not ended: these are the figures so far" in summary.doubts


def test_a_run_that_writes_its_own_summary_is_complete(tmp_path):
    run = with_samples().recorded(tmp_path, status=Status.RUNNING, is_alive=True)
    summary = summarise(run)
    assert (summary.status, summary.verdict, summary.doubts) == ("complete", "none", [])


def test_a_forced_stop_is_no_pass(tmp_path):
    summary = summarise(with_samples().recorded(tmp_path, status=Status.INTERRUPTED))
    assert (summary.status, summary.verdict) == ("interrupted", "inconclusive")


def test_a_torn_line_is_a_doubt_and_the_rest_counts(tmp_path):
    with_samples().recorded(tmp_path)
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"event":"session_ended","t_ns":61')
    summary = summarise(open_run(tmp_path))
    assert summary.total.sessions == 40
    assert any("torn" in doubt for doubt in summary.doubts)
    assert summary.verdict == "inconclusive"


def test_without_manifest_the_figures_are_there_all_the_same(tmp_path):
    with_samples().recorded(tmp_path)
    RunFolder(tmp_path).manifest.write_text("{")
    summary = summarise(open_run(tmp_path))
    assert summary.total.drops == 20
    assert summary.scenario == "made-up"
    assert summary.verdict == "inconclusive"


def test_it_is_written_and_read_as_it_is(tmp_path):
    summary = summarise(with_samples().recorded(tmp_path))
    write_summary(RunFolder(tmp_path), summary)
    again = msgspec.convert(read_summary(RunFolder(tmp_path)), Summary)
    assert again == summary


def test_durations_are_named_with_their_unit(tmp_path):
    figures = json.loads(msgspec.json.encode(summarise(with_samples().recorded(tmp_path)).total))
    assert figures["percentiles"]["tls"]["p99_9_ns"] == pytest.approx(seconds(0.03), rel=0.001)
    assert figures["drop_kinds"][0]["idle"]["p50_ns"] > 0


def test_as_many_last_endings_as_asked_for(tmp_path):
    run = with_samples().recorded(tmp_path)
    assert len(summarise(run, last_endings=15).last_endings) == 15
    assert summarise(run, last_endings=0).last_endings == []


def test_hostile_texts_are_bounded_and_escaped(tmp_path):
    story = Story([VPN], 1)
    bad = "\x1b]0;owned\x07[bold]\u202e" + "x" * 100_000
    for n in range(30):
        session = story.opens(VPN, n)
        story.drops(session, n + 1, reason=bad, raw=bad, evidence={"why": [bad]}, code=n)
        story.fails(VPN, n, failure=bad, raw=bad)
    chain = model_events.ChainSeen(
        t_ns=1,
        utc=utc(1),
        **VPN._asdict(),
        chain=bad,
        verified=False,
        problem=bad,
        certificates=[],
    )
    story.events.append(chain)
    story.stops(40, reason=bad)
    summary = summarise(story.recorded(tmp_path))
    encoded = msgspec.json.encode(summary).decode()
    assert len(encoded) < 100_000
    assert "\x1b" not in encoded
    assert "\\u001b" not in encoded
    assert "\u202e" not in encoded


def test_egresses_that_may_reach_different_sites_stand_out(tmp_path):
    story = with_samples()
    for cohort, address in ((DIRECT, "192.0.2.1"), (VPN, "198.51.100.1")):
        story.events.insert(
            1,
            model_events.AddressesSeen(
                t_ns=1, utc=utc(1), **cohort._asdict(), name="broker.test", addresses=[address]
            ),
        )
    summary = summarise(story.recorded(tmp_path))
    assert any("may reach different sites" in line for line in summary.findings)


@pytest.mark.parametrize("digits", [30, 400])
def test_impossible_figures_are_left_out_and_told(tmp_path, digits):
    with_samples().recorded(tmp_path)
    path = tmp_path / "events.jsonl"
    text = path.read_text()
    path.write_text(text.replace('"age_ns":4', '"age_ns":' + "4" * digits, 1))
    summary = summarise(open_run(tmp_path))
    assert summary.total.drops == 19
    assert "events.jsonl: 1 unreadable lines were skipped" in summary.doubts
    assert summary.verdict == "inconclusive"


@pytest.mark.slow
def test_any_single_damage_gives_a_summary(tmp_path):
    chance = random.Random(1)  # noqa: S311 - the same damage each time
    with_samples().recorded(tmp_path)
    path = tmp_path / "events.jsonl"
    lines = path.read_text().splitlines()
    values = [-1, 2**63 - 1, -(2**63), "x" * 5000, None, [], {}, "held", "tool", True, 1.5]
    for _ in range(60):
        damaged = list(lines)
        for n in chance.sample(range(len(lines)), 20):
            event = json.loads(lines[n])
            event[chance.choice(list(event))] = chance.choice(values)
            damaged[n] = json.dumps(event)
        path.write_text("\n".join(damaged) + "\n")
        summary = summarise(open_run(tmp_path))
        assert len(msgspec.json.encode(summary)) < 200_000
