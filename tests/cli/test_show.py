"""`stresser show`: any run folder, its exit code, one session's story."""

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from stresser.cli.show import show
from stresser.model.errors import ExitCode, RunFolderError
from stresser.model.quantity import Quantity
from stresser.record.manifest import Status
from tests.analysis.story import SCENARIO, VPN, Story, idle_kill_story
from tests.bundle.test_drop_packets import flow, story_with

NAME = "20261123T000000Z-made-up"


def run_show(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(show)
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"drops": "= 0"}, ExitCode.FAIL),
        ({"drops": "= 20"}, ExitCode.PASS),
        ({"rtt.p99": "< 1s"}, ExitCode.INCONCLUSIVE),
        ({}, ExitCode.PASS),
    ],
)
def test_the_exit_code_is_the_verdicts(results, rules, code):
    idle_kill_story().recorded(results / NAME, scenario=SCENARIO | {"thresholds": rules})
    shown = run_show("last", "--results", str(results))
    assert shown.exit_code == code
    assert "direct: no drop of 20 sessions; vpn: 20 of 20." in " ".join(shown.stdout.split())
    assert f"{NAME} --full" in shown.stdout
    assert "What stands out" not in shown.stdout


def test_full_is_everything(results):
    idle_kill_story().recorded(results / NAME)
    shown = run_show("last", "--full", "--endings", "3", "--results", str(results))
    assert shown.stdout.startswith("made-up   1 m, complete   direct beside vpn")
    assert "20 drops, every one a TCP reset" in shown.stdout
    assert shown.stdout.count("Z session ") == 3
    assert NAME in shown.stdout.replace("\n", "")


def test_a_crashed_run(results):
    story = Story([VPN], 1)
    story.opens(VPN, 0)
    story.samples(Quantity.RTT, VPN, 5)
    story.recorded(results / NAME, status=Status.RUNNING, histograms_until=60)
    shown = run_show(str(results / NAME))
    assert shown.exit_code == ExitCode.INCONCLUSIVE
    assert "crashed at 2026-11-23T00:01:00.000000Z" in shown.stdout


def test_json(results):
    idle_kill_story().recorded(results / NAME)
    shown = run_show(str(results / NAME), "--json", "--endings", "7")
    summary = json.loads(shown.stdout)
    assert summary["total"]["drops"] == 20
    assert len(summary["last_endings"]) == 7


def test_one_session(results):
    idle_kill_story().recorded(results / NAME)
    shown = run_show(str(results / NAME), "--session", "25")
    assert shown.exit_code == ExitCode.PASS
    assert shown.stdout.startswith("Session 25\n")
    assert "reset by TCP RST after 4 s of silence" in shown.stdout


def test_one_attempt(results):
    story = idle_kill_story()
    story.fails(VPN, 61, raw="ConnectionRefusedError: [Errno 111]")
    story.recorded(results / NAME)
    shown = run_show(str(results / NAME), "--attempt", "41")
    assert shown.exit_code == ExitCode.PASS
    assert shown.stdout.startswith("Attempt 41\n")
    assert "broker through vpn, heartbeat" in shown.stdout
    assert "ConnectionRefusedError: [Errno 111]" in shown.stdout
    opened = run_show(str(results / NAME), "--attempt", "7")
    assert opened.stdout.startswith("Attempt 7\n")
    assert (
        opened.stdout.partition("\n")[2]
        == run_show(str(results / NAME), "--session", "7").stdout.partition("\n")[2]
    )


def test_no_such_session_or_run(results):
    idle_kill_story().recorded(results / NAME)
    missing = run_show(str(results / NAME), "--attempt", "999")
    assert str(missing.exception) == "attempt 999: this run has recorded no such attempt"
    missing = run_show(str(results / NAME), "--session", "999")
    assert isinstance(missing.exception, RunFolderError)
    assert str(missing.exception) == "session 999: this run has recorded no such session"
    nothing = run_show("no-such-run", "--results", str(results))
    assert isinstance(nothing.exception, RunFolderError)


def test_packets_of_a_session_and_of_all_drops(results, tmp_path):
    story_with(flow()).recorded(results / NAME)
    for chosen in ([], ["--session", "1"], ["--attempt", "1"]):
        path = tmp_path / "out.pcapng"
        told = run_show("last", *chosen, "--pcap", str(path), "--results", str(results))
        assert told.exit_code == ExitCode.PASS
        assert path.read_bytes().startswith(b"\x0a\x0d\x0d\x0a")
        assert path.read_bytes().count(b"session 1") == 3


def test_where_no_packets_are_recorded_it_says_how_to(results, tmp_path):
    idle_kill_story().recorded(results / NAME)
    told = run_show("last", "--pcap", str(tmp_path / "x"), "--results", str(results))
    assert "doctor" in str(told.exception)
    assert not (tmp_path / "x").exists()


def test_packets_that_cannot_be_written_are_one_line(results, tmp_path):
    story_with(flow()).recorded(results / NAME)
    told = run_show("last", "--pcap", str(tmp_path / "no" / "x"), "--results", str(results))
    assert isinstance(told.exception, RunFolderError)
    assert "cannot be written" in str(told.exception)
