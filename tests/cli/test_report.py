"""`stresser report`: its forms, its files, its mistakes."""

import json
import os
import signal
import stat
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner, Result

from stresser.cli.report import report
from stresser.model.errors import ExitCode, RunFolderError
from tests.analysis.story import idle_kill_story
from tests.cli.in_process import stresser_says

pytestmark = pytest.mark.usefixtures("small_plotly")

RUN = "20261123T000000Z-monday"


def run_report(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(report)
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def results(tmp_path):
    idle_kill_story().recorded(tmp_path / RUN)
    return tmp_path


@pytest.mark.parametrize(
    ("form", "name", "begins"),
    [
        ("html", "report.html", "<!doctype html>"),
        ("markdown", "report.md", "# stresser"),
        ("json", "report.json", "{"),
        ("junit", "report.xml", "<?xml"),
    ],
)
def test_each_form_is_written_beside_the_run(results, form, name, begins):
    told = run_report(RUN, "--format", form, "--results", str(results))
    assert told.exit_code == 0
    assert told.output.startswith("20 drops came through vpn")
    assert told.output.rstrip().endswith(name)
    assert (results / RUN / name).read_text().startswith(begins)


def test_a_chosen_file_and_standard_output(results, tmp_path):
    out = tmp_path / "here.html"
    assert run_report(RUN, "--out", str(out), "--results", str(results)).exit_code == 0
    assert out.exists()
    told = run_report(RUN, "--format", "json", "--out", "-", "--results", str(results))
    assert json.loads(told.output)["runs"][0]["name"] == RUN


def test_a_redacted_bundle_has_its_key_beside_it(results, tmp_path):
    out = tmp_path / "b.zip"
    told = run_report(RUN, "--bundle", str(out), "--redact", "--results", str(results))
    assert told.exit_code == 0
    assert "SHA-256: " in told.output
    key = tmp_path / "b.zip.key.json"
    assert json.loads(key.read_text())["broker"] == "endpoint-1"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "arguments",
    [
        ("nowhere",),
        (RUN, RUN),
        (RUN, "--egress", "direct", "wifi"),
        (RUN, "--redact"),
        (RUN, "--out", "/proc/nowhere/report.html"),
    ],
)
def test_mistakes_are_told_in_one_line(results, arguments):
    told = run_report(*arguments, "--results", str(results))
    assert isinstance(told.exception, RunFolderError)
    assert len(told.exception.lines) == 1


def test_the_command_ends_with_its_exit_code(results):
    said = stresser_says("report", "nowhere", "--results", str(results))
    assert said.code == ExitCode.BAD_INPUT


INTERRUPTED = """
import signal, sys

number = int(sys.argv.pop())

def stop(event, arguments):
    if event == "open" and str(arguments[0]).endswith("computed.csv"):
        signal.raise_signal(number)

import stresser.__main__ as entry
sys.addaudithook(stop)
entry.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_amid_a_bundle_leaves_nothing_of_the_run(results, tmp_path, number):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    words = ["report", RUN, "--bundle", str(tmp_path / "b.zip"), "--results", str(results)]
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *words, str(int(number))],
        env=os.environ | {"TMPDIR": str(scratch)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (ExitCode.FORCED, "")
    assert list(scratch.iterdir()) == []
    assert not (tmp_path / "b.zip").exists()
