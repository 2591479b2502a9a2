"""`stresser verify`: its answers and exit codes."""

import json
from collections.abc import Callable, Sequence

import pytest
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from typer.testing import CliRunner, Result

from stresser.bundle.evidence_zip import write_evidence
from stresser.bundle.zip_file import BundleError
from stresser.cli.report import report
from stresser.cli.verify import verify
from stresser.model.errors import ExitCode
from tests.analysis.story import idle_kill_story

pytestmark = pytest.mark.usefixtures("small_plotly")


def run_verify(*arguments: str) -> Result:
    return _called(verify, arguments)


def run_report(*arguments: str) -> Result:
    return _called(report, arguments)


def _called(command: Callable[..., None], arguments: Sequence[str]) -> Result:
    app = typer.Typer()
    app.command()(command)
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


def test_a_signed_bundle_by_its_signer_and_by_another(tmp_path):
    run = idle_kill_story().recorded(tmp_path / "run")
    for name in ("ours", "other"):
        key = Ed25519PrivateKey.generate()
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        (tmp_path / name).write_bytes(secret)
        (tmp_path / f"{name}.pub").write_bytes(public + b" anna")
    path = str(tmp_path / "b.zip")
    made = run_report(str(run.path), "--bundle", path, "--sign", str(tmp_path / "ours"))
    assert made.exit_code == ExitCode.PASS
    told = run_verify(path, "--signer", str(tmp_path / "ours.pub"))
    assert (told.exit_code, "signed by anna (SHA256:" in told.output) == (ExitCode.PASS, True)
    assert run_verify(path, "--signer", str(tmp_path / "other.pub")).exit_code == ExitCode.FAIL
    assert "nothing shows who made it" not in run_verify(path).output


def test_sign_is_for_bundles_alone(tmp_path):
    told = run_report("last", "--sign", str(tmp_path / "key"))
    assert "add --bundle" in str(told.exception)
