"""What a run left behind is gone on with, by one process at a time, or refused in one line."""

import json
import shutil
import subprocess
import sys
import threading
from typing import Any

import msgspec
import pytest
import trio

from stresser.model.errors import RunFolderError
from stresser.model.events import RunEnded, RunResumed
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S
from stresser.record import resumption
from stresser.record.events_file import encode_event
from stresser.record.folder import RunFolder
from stresser.record.manifest import Gap, Status, read_manifest, write_manifest
from stresser.record.reader import open_run
from stresser.record.repair import repair
from stresser.record.resumption import (
    Earlier,
    StillRunningError,
    going_on,
    held_alone,
    what_was_left,
)
from stresser.scenario.decode import scenario_from_tree
from stresser.scenario.secrets import masked
from stresser.witness.clock import RunClock
from tests.analysis.story import DIRECT, VPN, Story, gone_process, utc
from tests.record.sample_events import numbered
from tests.record.worker_runs import recorded_by

S = NS_PER_S


TREE: dict[str, Any] = {
    "name": "made-up",
    "sessions": {"count": 1},
    "endpoints": [{"name": "broker", "url": "wss://192.0.2.1/"}],
    "egresses": [{"name": "direct"}, {"name": "vpn"}],
}


HOLDS = """
import pathlib, sys
from stresser.record.folder import RunFolder
from stresser.record.resumption import held_alone
with held_alone(RunFolder(pathlib.Path(sys.argv[1]))):
    sys.stdout.write(".")
    sys.stdout.flush()
    sys.stdin.read()
"""


def plan(**changes):
    return scenario_from_tree(TREE | changes, "made-up.toml")


SCENARIO = masked(plan())


@pytest.fixture
def left(tmp_path):
    """A run that was killed: two sessions are open, one has dropped."""
    story = Story([DIRECT, VPN], 1)
    for cohort in (DIRECT, VPN, VPN):
        story.opens(cohort, 1)
    story.drops(3, 20)
    path = tmp_path / "20261123T072526Z-made-up"
    run = story.recorded(path, status=Status.RUNNING, scenario=SCENARIO)
    return run.path


def earlier(path):
    return what_was_left(path, plan())


def test_what_a_run_came_to(left):
    found = earlier(left)
    assert (found.sessions, found.attempts, found.since_ns) == (3, 3, 20 * S)
    assert (found.why, found.gaps_ns, found.ran_ns) == ("crashed", 0, 20 * S)
    assert found.next_attempt > found.attempts + 1_000, "what a crash left unwritten is not reused"


def test_an_attempt_that_failed_and_an_interval_are_signs_as_well(tmp_path):
    story = Story([VPN], 1)
    story.opens(VPN, 1)
    story.fails(VPN, 2)
    story.samples(Quantity.LOOP_LAG, None, 1.0)
    run = story.recorded(
        tmp_path / "run", status=Status.RUNNING, scenario=SCENARIO, histograms_until=9
    )
    found = earlier(run.path)
    assert (found.sessions, found.attempts, found.since_ns) == (1, 2, 9 * S)


def change(path, **changes):
    folder = RunFolder(path)
    tree = json.loads(folder.manifest.read_bytes())
    folder.manifest.write_text(json.dumps(tree | changes))


def refuse(path, words, **changes):
    with pytest.raises(RunFolderError, match=words) as told:
        what_was_left(path, plan(**changes))
    assert len(told.value.lines) == 1


def test_what_is_refused_is_refused_in_one_line(left, tmp_path):
    refuse(left, "ran another scenario: name differs", name="other")
    refuse(left, "another scenario: sessions.count differs", sessions={"count": 2})
    refuse(left, "another scenario: duration differs", duration="20s")
    others = [{"name": "broker", "url": "wss://192.0.2.1/", "sni": "x.example"}]
    refuse(left, r"another scenario: endpoints\[0\].sni differs", endpoints=others)
    refuse(left, "another scenario: egresses differs", egresses=TREE["egresses"][:1])
    change(left, scenario=SCENARIO | {"of_a_newer_version": 1})
    refuse(left, "another scenario: of_a_newer_version differs")
    change(left, scenario=masked(plan(duration="20s")))
    refuse(left, "nothing is left", duration="20s")
    with RunFolder(left).events.open("ab") as events:
        events.write(encode_event(RunEnded(t_ns=20 * S, utc=utc(20 * S), reason="duration")))
    change(left, scenario=masked(plan(duration="21s")))
    refuse(left, "nothing is left", duration="21s")
    change(left, scenario=SCENARIO)
    (left / "joined.json").write_text("{}")
    refuse(left, "was joined")
    (left / "joined.json").unlink()
    (tmp_path / "out" / "runs").mkdir(parents=True)
    (tmp_path / "out" / "bundle.json").write_text("{}")
    refuse(shutil.copytree(left, tmp_path / "out" / "runs" / "one"), "came out of a bundle")
    change(left, listened="wss://192.0.2.1")
    refuse(left, "is a reflector's record")
    (left / "manifest.json").write_text("?")
    refuse(left, "has no manifest that can be read")
    refuse(tmp_path / "nothing", "does not exist")


def test_a_key_that_came_with_a_newer_version_is_no_difference_at_its_default(left):
    old = masked(plan())
    del old["witnesses"]["packets"], old["sessions"]["max_per_endpoint"]
    change(left, scenario=old)
    assert earlier(left).sessions == 3
    refuse(left, "witnesses.packets differs", witnesses={"packets": False})
    refuse(left, "sessions.max_per_endpoint differs", sessions={"count": 1, "max_per_endpoint": 7})


def test_a_run_that_goes_on_is_refused(tmp_path):
    story = Story([VPN], 1)
    story.opens(VPN, 1)
    path = story.recorded(tmp_path / "run", status=Status.RUNNING, is_alive=True).path
    refuse(path, "still goes on")


def test_one_process_alone_goes_on(left):
    folder = RunFolder(left)
    with held_alone(folder), pytest.raises(RunFolderError, match="still goes on") as told:  # noqa: SIM117 - one in the other
        with held_alone(folder):
            pass
    assert len(told.value.lines) == 1
    with held_alone(folder):
        pass


def held_by_workers(tmp_path):
    """As `left`, by three workers that were killed with their run."""
    story = Story([DIRECT, VPN], 2)
    for n in range(5):
        story.opens(VPN, 1 + n)
    story.drops(3, 20)
    story.fails(VPN, 30)
    fields = {"scenario": SCENARIO, "status": Status.RUNNING}
    path = tmp_path / "20261123T072526Z-made-up"
    return recorded_by(3, path, story.events, manifest=fields).path


def test_numbers_go_on_after_those_of_all_workers(tmp_path):
    found = earlier(held_by_workers(tmp_path))
    assert (found.sessions, found.attempts, found.since_ns) == (5, 6, 30 * S)
    assert going_on(found, 50 * S, "u", "0").workers == 3
    assert going_on(found, 50 * S, "u", "0", 7).workers == 7


def test_workers_that_outlive_their_run_for_a_moment_are_waited_for(tmp_path):
    path = held_by_workers(tmp_path)
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(RunFolder(path).worker(2).path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.read(1)  # it has the lock
        found: list[Earlier] = []
        waiting = threading.Thread(target=lambda: found.append(earlier(path)))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        assert not found
        child.stdin.close()
        waiting.join(30)
        assert found


def test_a_worker_that_does_not_end_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(resumption, "_WORKERS_END_S", -4.9)  # of timeouts.close, 5 s
    path = held_by_workers(tmp_path)
    with held_alone(RunFolder(path).worker(2)):
        refuse(path, "workers/2: still goes on")


def test_a_worker_that_still_writes_keeps_its_run_from_going_on(tmp_path):
    folder = RunFolder(held_by_workers(tmp_path))
    with (
        held_alone(folder.worker(2)),
        pytest.raises(StillRunningError, match="2: still goes on"),
        held_alone(folder),
    ):
        pass
    with held_alone(folder), held_alone(folder.worker(2)):
        pass


def test_a_run_goes_on_in_no_folder_that_another_made(tmp_path):
    path = held_by_workers(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (path / "workers" / "4").symlink_to(tmp_path / "elsewhere")
    refuse(path, "is not as a run leaves it: workers/4: is no folder of the run's own")


def resumed(path, at_s):
    """Goes on, and is killed at once."""
    found = earlier(path)
    repair(found.folder)
    write_manifest(found.folder.manifest, going_on(found, at_s * S, utc(at_s * S), "0.0.1"))
    event = RunResumed(t_ns=at_s * S, utc=utc(at_s * S), since_ns=found.since_ns, why=found.why)
    with found.folder.events.open("ab") as events:
        events.write(encode_event(event))
    change(path, process=msgspec.to_builtins(gone_process()))
    return found


def test_a_run_that_went_on_and_crashed_again_goes_on_again(left):
    first = resumed(left, 50)
    second = resumed(left, 90)
    third = earlier(left)
    assert [one.gaps_ns for one in (first, second, third)] == [0, 30 * S, 70 * S]
    assert (third.since_ns, third.ran_ns) == (90 * S, 20 * S)
    told = read_manifest(RunFolder(left).manifest).resumptions
    assert [(one.t_ns, one.since_ns, one.why) for one in told] == [
        (50 * S, 20 * S, "crashed"), (90 * S, 50 * S, "crashed"),
    ]  # fmt: skip
    assert [one.stresser for one in told] == ["0.0.1"] * 2


def test_a_crash_before_the_event_of_going_on_counts_its_gap_once(left):
    found = earlier(left)
    write_manifest(found.folder.manifest, going_on(found, 50 * S, utc(50 * S), "0.0.1"))
    change(left, process=msgspec.to_builtins(gone_process()))
    again = resumed(left, 80)
    assert (again.gaps_ns, earlier(left).gaps_ns) == (0, 60 * S)


def test_what_was_not_recorded_before_is_not_forgotten(left):
    gap = Gap(what="No space left", path="x", since_t_ns=1, since_utc="y", events=7, samples=8)
    change(left, gap=msgspec.to_builtins(gap), status="interrupted", verdict="fail")
    resumed(left, 50)
    manifest = read_manifest(RunFolder(left).manifest)
    assert (manifest.gap, manifest.verdict) == (None, None)
    assert manifest.resumptions[0].gap == gap
    assert any("7 events and 8 samples are missing" in one for one in open_run(left).damage)


def test_the_clock_goes_on_from_the_wall_clock_or_from_where_it_was():
    async def main():
        wall = RunClock().anchor_unix_ns
        clock = RunClock()
        clock.go_on(wall - 100 * S, 60 * S)
        now = clock.now_ns()
        assert 100 * S <= now < 160 * S
        assert clock.anchor_unix_ns == wall - 100 * S
        assert clock.since_start(clock.trio_time(now)) == pytest.approx(now, abs=1_000)
        back = RunClock()
        back.go_on(wall + 500 * S, 60 * S)
        assert 60 * S < back.now_ns() < 90 * S

    trio.run(main)


def test_a_host_that_slept_has_moved_the_anchor(left):
    slept = 1_000 * S
    with RunFolder(left).events.open("ab") as events:
        woken = numbered(slept, 30 * S)
        woken.utc = utc(1_030 * S)
        events.write(encode_event(woken))
    found = earlier(left)
    assert isinstance(found, Earlier)
    assert found.anchor_unix_ns - found.manifest.anchor_unix_ns == slept
