"""`stresser verify`: its answers and exit codes."""

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from stresser.bundle.evidence_zip import write_evidence
from stresser.bundle.zip_file import BundleError
from stresser.cli.verify import verify
from stresser.model.errors import ExitCode
from tests.analysis.story import idle_kill_story


def run_verify(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(verify)
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    run = idle_kill_story().recorded(folder / "run")
    write_evidence([run], None, folder / "b.zip", redact=False)
    return folder / "b.zip"


def test_a_true_bundle(bundle):
    told = run_verify(str(bundle))
    assert told.exit_code == ExitCode.PASS
    assert "the bundle matches its events" in told.output
    assert json.loads(run_verify(str(bundle), "--json").output)["wrong"] == []


def test_a_bundle_that_was_meddled_with(bundle, tmp_path):
    path = tmp_path / "b.zip"
    data = bundle.read_bytes()
    place = data.index(b"README.txt") + len(b"README.txt")
    path.write_bytes(data[:place] + bytes([data[place] ^ 0x40]) + data[place + 1 :])
    told = run_verify(str(path))
    assert told.exit_code != ExitCode.PASS


def test_what_is_no_bundle(tmp_path):
    (tmp_path / "b.zip").write_text("no")
    told = run_verify(str(tmp_path / "b.zip"))
    assert isinstance(told.exception, BundleError)
    assert told.exception.exit_code == ExitCode.BAD_INPUT
