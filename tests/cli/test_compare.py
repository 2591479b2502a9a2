"""`stresser compare`: its ways of naming sides, its exit codes, its mistakes."""

import json
import subprocess
import sys
import zipfile

import pytest
import typer
from typer.testing import CliRunner, Result

from stresser.analysis.summary.summary import summarise
from stresser.bundle.evidence_zip import write_evidence
from stresser.cli.compare import compare
from stresser.model.ending import Initiator
from stresser.model.errors import ExitCode, RunFolderError
from tests.analysis.sides_story import HOUR, incident_story
from tests.analysis.story import DIRECT, VPN, Story

MONDAY, TUESDAY = "20261123T000000Z-monday", "20261124T000000Z-tuesday"
WEDNESDAY = "20261125T000000Z-wednesday"


def run_compare(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(compare)
    return CliRunner().invoke(app, list(arguments))


def record(results, name, direct, vpn):
    story = incident_story(direct, vpn)
    story.events.sort(key=lambda event: event.t_ns)
    story.stops(2 * HOUR)
    story.recorded(results / name)


@pytest.fixture
def results(tmp_path):
    record(tmp_path, MONDAY, 7, 41)
    record(tmp_path, TUESDAY, 7, 8)
    record(tmp_path, WEDNESDAY, 45, 45)
    return tmp_path


@pytest.mark.parametrize(
    ("run", "code", "words"),
    [
        (MONDAY, ExitCode.FAIL, "Drops came 5.9 times as often through vpn as through direct"),
        (TUESDAY, ExitCode.INCONCLUSIVE, "Verdict: cannot tell whether vpn is worse"),
        (WEDNESDAY, ExitCode.PASS, "Verdict: no worse"),
    ],
)
def test_two_egresses_of_one_run(results, run, code, words):
    told = run_compare(run, "--egress", "direct", "vpn", "--results", str(results))
    assert told.exit_code == code
    assert words in " ".join(told.stdout.split())
    assert "Is it the egress?" in told.stdout


def test_the_other_way_round(results):
    told = run_compare(MONDAY, "--egress", "vpn", "direct", "--results", str(results))
    assert told.exit_code == ExitCode.PASS


def test_two_runs(results):
    told = run_compare(TUESDAY, MONDAY, "--results", str(results), "--json")
    assert told.exit_code == ExitCode.FAIL
    read = json.loads(told.stdout)
    assert read["baseline"]["runs"] == [TUESDAY]
    assert read["candidate"]["egresses"] == ["direct", "vpn"]
    assert read["rates"]["baseline"]["drops"] == 15


def test_two_runs_by_an_egress_of_each(results):
    names = [TUESDAY, MONDAY, "--egress", "direct", "vpn"]
    told = run_compare(*names, "--results", str(results), "--json")
    read = json.loads(told.stdout)
    assert read["rates"]["candidate"]["incidents"] == 41
    assert read["candidate"]["label"] == f"vpn of {MONDAY}"


def test_several_runs_a_side(results):
    names = [TUESDAY, MONDAY, "--candidate", WEDNESDAY]
    told = run_compare(*names, "--results", str(results), "--json")
    read = json.loads(told.stdout)
    assert read["candidate"]["runs"] == [MONDAY, WEDNESDAY]
    assert read["candidate"]["label"] == f"{MONDAY} and 1 more"


def test_several_nights_by_two_egresses(results):
    names = [MONDAY, "--baseline", TUESDAY, "--egress", "direct", "vpn"]
    told = run_compare(*names, "--results", str(results), "--json")
    read = json.loads(told.stdout)
    assert read["baseline"]["runs"] == read["candidate"]["runs"] == [MONDAY, TUESDAY]
    assert read["rates"]["candidate"]["incidents"] == 49
    assert told.exit_code == ExitCode.FAIL


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([MONDAY], "nothing to compare with; name a second run"),
        ([MONDAY, MONDAY], "is on both sides; name two egresses"),
        ([MONDAY, "--egress", "vpn", "vpn"], "is on both sides"),
        ([MONDAY, "--egress", "direct", "vnp"], 'has no such egress; it has "direct", "vpn"'),
        ([MONDAY, "--baseline", MONDAY, "--egress", "direct", "vpn"], "named twice on one side"),
        ([MONDAY, "20261124"], "there is no such run"),
        ([MONDAY, TUESDAY, *["--candidate", WEDNESDAY] * 99], "are too many; at most 100"),
    ],
)
def test_mistakes_are_one_line(results, arguments, words):
    told = run_compare(*arguments, "--results", str(results))
    assert isinstance(told.exception, RunFolderError)
    assert words in str(told.exception)
    assert len(told.exception.lines) == 1


def test_runs_that_held_nothing_alike(results):
    story = incident_story(1, 1, endpoint="gateway")
    story.events.sort(key=lambda event: event.t_ns)
    story.recorded(results / "other")
    told = run_compare(MONDAY, "other", "--results", str(results))
    assert isinstance(told.exception, RunFolderError)
    assert "nothing can be compared" in str(told.exception)


def test_a_run_folder_full_of_rubbish_is_bad_input_or_in_doubt(results):
    events = results / MONDAY / "events.jsonl"
    events.write_bytes(b"\x00{}\n" * 50 + events.read_bytes()[:-40] + b'{"event":')
    told = run_compare(MONDAY, TUESDAY, "--results", str(results))
    assert told.exit_code == ExitCode.INCONCLUSIVE
    assert "unreadable lines were skipped" in " ".join(told.stdout.split())


@pytest.mark.slow
def test_the_command_as_a_user_calls_it(results):
    command = [sys.executable, "-m", "stresser", "compare", MONDAY, "--results", str(results)]
    bad = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bad.returncode == ExitCode.BAD_INPUT
    assert bad.stderr.count("\n") == 1
    good = subprocess.run(
        [*command, "--egress", "direct", "vpn"], capture_output=True, text=True, check=False
    )
    assert good.returncode == ExitCode.FAIL
    assert good.stderr == ""
    assert good.stdout.startswith("Drops came")


def stalled_host(path):
    """40 sessions an egress; this host stalls 20 times, and each stall ends one through vpn."""
    story = Story([DIRECT, VPN], 80)
    held = {cohort: [story.opens(cohort, 1) for _ in range(40)] for cohort in (DIRECT, VPN)}
    for number in range(20):
        at = 60 + 30 * number
        unfit = {"why": ["host-unfit"]}
        story.drops(held[VPN][number], at, initiator=Initiator.HOST, evidence=unfit)
        held[VPN].append(story.opens(VPN, at + 1))
    for session in [*held[DIRECT], *held[VPN][20:]]:
        story.ends_as_planned(session, 900)
    story.events.sort(key=lambda event: event.t_ns)
    story.stops(900)
    return story.recorded(path)


def test_what_this_host_did_is_nobodys_drop(tmp_path):
    run = stalled_host(tmp_path / MONDAY)
    assert summarise(run).total.drops == 0
    told = run_compare(MONDAY, "--egress", "direct", "vpn", "--results", str(tmp_path))
    assert told.exit_code == ExitCode.INCONCLUSIVE
    assert "cannot tell whether vpn is worse" in " ".join(told.stdout.split())
    write_evidence([run], ("direct", "vpn"), tmp_path / "b.zip", redact=False)
    with zipfile.ZipFile(tmp_path / "b.zip") as bundle:
        assert bundle.read("drops.csv").count(b"\r\n") == 1  # its head
        assert b"No session was dropped." in bundle.read("network-team.md")
