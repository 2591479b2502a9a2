import base64
import hashlib
import json
import shutil
import zipfile
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stresser import __version__
from stresser.bundle.evidence_zip import FIGURES, write_evidence
from stresser.bundle.signature import Signer, sign_message
from stresser.bundle.verification import verify_bundle
from stresser.bundle.zip_file import (
    MANIFEST,
    SIGNATURE,
    BundleError,
    BundleManifest,
    write_bundle,
)
from stresser.record.chain_files import ChainShelf, write_chains
from stresser.record.manifest import Status
from stresser.record.reader import open_run
from stresser.record.worker_folders import worker_folders
from tests.analysis.hostile_story import hostile_run
from tests.analysis.story import idle_kill_story
from tests.record.worker_runs import recorded_by, samples_of

pytestmark = pytest.mark.usefixtures("small_plotly")

SLOW = pytest.mark.slow  # a second each: one of a kind stays in the everyday loop


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    run = idle_kill_story().recorded(folder / "run")
    write_evidence([run], None, folder / "b.zip", redact=False)
    return folder / "b.zip"


@pytest.fixture
def bundle(made, tmp_path):
    return Path(shutil.copy(made, tmp_path))


def forged(path, **changes):
    """The bundle with files changed and all hashes made to fit: only recomputing tells."""
    with zipfile.ZipFile(path) as old:
        files = {name: old.read(name) for name in old.namelist()}
    manifest = json.loads(files.pop(MANIFEST))
    files.pop(SIGNATURE, None)
    for end, change in changes.items():
        name = next(one for one in files if one.replace(".", "_").endswith(end))
        files[name] = change(files[name])
    fitting = BundleManifest(
        stresser=manifest["stresser"], redacted=False, runs=manifest["runs"], egresses=None
    )
    write_bundle(path, fitting, files)
    return path


def test_a_true_bundle_matches(bundle):
    found = verify_bundle(bundle)
    assert found.wrong == []
    assert found.figures > 500


@pytest.mark.parametrize("redact", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_hostile_run_and_a_crash_match_as_well(tmp_path, redact):
    crashed = idle_kill_story().recorded(tmp_path / "crashed", status=Status.RUNNING)
    for run in (hostile_run(tmp_path / "hostile"), crashed):
        write_evidence([run], None, tmp_path / "b.zip", redact=redact)
        assert verify_bundle(tmp_path / "b.zip").wrong == []


@pytest.mark.parametrize("redact", [False, pytest.param(True, marks=SLOW)])
def test_what_workers_recorded_is_in_it_and_is_checked(tmp_path, redact):
    story = idle_kill_story()
    run = recorded_by(3, tmp_path / "run", story.events, samples_of(story))
    run.folder.worker(2).histograms.write_bytes(b"junk\n")
    shutil.rmtree(run.folder.worker(3).path)
    run.folder.worker(3).path.mkdir()
    path = tmp_path / "b.zip"
    write_evidence([open_run(run.path)], None, path, redact=redact)
    assert verify_bundle(path).wrong == []
    with zipfile.ZipFile(path) as bundle:
        figures = bundle.read(FIGURES).decode()
    assert "workers/2/histograms.hlog: 1 unreadable lines" in figures
    assert "workers/3/events.jsonl: 1 unreadable lines" in figures

    def change(text):
        lines = text.splitlines(keepends=True)
        gone = next(i for i, line in enumerate(lines) if b"tcp_reset" in line)
        return b"".join(lines[:gone] + lines[gone + 1 :])

    wrong = verify_bundle(forged(path, **{"workers/1/events_jsonl": change})).wrong
    assert wrong[0].startswith("comparison.paragraph is 13 drops came")


def test_a_changed_figure_is_named(bundle):
    def change(text):
        figures = json.loads(text)
        figures["runs"][0]["summary"]["total"]["drops"] = 3
        return json.dumps(figures).encode()

    assert "runs[0].summary.total.drops is 3; the events give 20" in (
        verify_bundle(forged(bundle, figures_json=change)).wrong
    )


def test_changed_events_show_in_the_figures(bundle):
    def change(text):
        lines = text.splitlines(keepends=True)
        gone = next(i for i, line in enumerate(lines) if b"tcp_reset" in line)
        return b"".join(lines[:gone] + lines[gone + 1 :])

    wrong = verify_bundle(forged(bundle, events_jsonl=change)).wrong
    assert "runs[0].summary.total.drops is 20; the events give 19" in wrong


def test_changed_texts_are_named(bundle):
    ends = ["report_html", "report_md", "drops_csv", "network-team_md"]
    changed = forged(bundle, **dict.fromkeys(ends, lambda text: text.replace(b"vpn", b"v-p-n", 1)))
    wrong = verify_bundle(changed).wrong
    assert all("is not what follows from the events" in one for one in wrong)
    named = {one.partition(" ")[0].rpartition("/")[2].rstrip(":") for one in wrong}
    assert named == {end.replace("_", ".") for end in ends}


@pytest.mark.parametrize(
    "text", [b"[]", *(pytest.param(text, marks=SLOW) for text in (b"", b"[" * 200_000, b"1"))]
)
def test_figures_that_are_none(bundle, text):
    assert verify_bundle(forged(bundle, figures_json=lambda _: text)).wrong


def test_a_run_that_is_not_in_it(bundle):
    with zipfile.ZipFile(bundle) as old:
        files = {name: old.read(name) for name in old.namelist() if name != MANIFEST}
    for runs in (["../run"], []):
        lying = BundleManifest(stresser="0.1.0", redacted=False, runs=runs, egresses=None)
        write_bundle(bundle, lying, files)
        with pytest.raises(BundleError, match="has no run"):
            verify_bundle(bundle)


def test_another_version_compares_figures_alone(bundle):
    with zipfile.ZipFile(bundle) as old:
        files = {name: old.read(name) for name in old.namelist() if name != MANIFEST}
    files["report.md"] = b"other words"
    assert FIGURES in files
    other = BundleManifest(stresser="9.9", redacted=False, runs=["run"], egresses=None)
    write_bundle(bundle, other, files)
    found = verify_bundle(bundle)
    assert (found.wrong, len(found.notes)) == ([], 2)


def with_chain(folder, der, workers):
    """A bundle of a run that kept a chain, or of which each worker did."""
    run = recorded_by(workers, folder / "run", idle_kill_story().events)
    chain_id = hashlib.sha256(der).hexdigest()[:16]
    for one in [run.folder] if workers == 1 else worker_folders(run.folder).values():
        shelf = ChainShelf()
        assert shelf.keep(chain_id, [der])
        write_chains(one, shelf.take())
    write_evidence([run], None, folder / "c.zip", redact=False)
    return folder / "c.zip"


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=SLOW)])
def test_an_exchanged_certificate_is_told_though_its_hash_is_listed(tmp_path, workers):
    path = with_chain(tmp_path, b"certificate" * 20, workers)
    assert verify_bundle(path).wrong == []
    with zipfile.ZipFile(path) as old:
        files = {name: old.read(name) for name in old.namelist() if name != MANIFEST}
    name = next(one for one in files if one.endswith(".pem"))
    files[name] = files[name].replace(b"Y2Vy", b"Y2Vz", 1)
    fitting = BundleManifest(stresser=__version__, redacted=False, runs=["run"], egresses=None)
    write_bundle(path, fitting, files)
    (wrong,) = verify_bundle(path).wrong
    assert wrong.endswith("does not hold the certificates that its name is the hash of")


@pytest.mark.parametrize("redact", [pytest.param(False, marks=SLOW), True])
@pytest.mark.parametrize(
    "text",
    [
        b'{"schema": "/secret/x"}',
        *(
            pytest.param(text, marks=SLOW)
            for text in (None, b"", b"{}", b"[" * 100_000, b'{"stresser": "\xff"}')
        ),
    ],
)
def test_a_run_without_a_readable_manifest_is_bundled_and_matches(tmp_path, text, redact):
    run = idle_kill_story().recorded(tmp_path / "run")
    run.folder.manifest.unlink()
    if text is not None:
        run.folder.manifest.write_bytes(text)
    write_evidence([open_run(run.path)], None, tmp_path / "b.zip", redact=redact)
    assert verify_bundle(tmp_path / "b.zip").wrong == []
    with zipfile.ZipFile(tmp_path / "b.zip") as bundle:
        figures = json.loads(bundle.read(FIGURES))
        names = "".join(bundle.read(name).decode() for name in bundle.namelist() if redact)
    assert figures["runs"][0]["summary"]["total"]["drops"] == 20
    damage = json.dumps(figures["runs"][0]["summary"])
    assert '"manifest.json: ' in damage
    assert str(tmp_path) not in damage
    assert "/secret/x" not in names


KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([one]) * 32) for one in (1, 2))


def signer(key, who=""):
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return Signer(base64.b64decode(public.split()[1]), who)


@pytest.fixture(scope="module")
def signed_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signed")
    run = idle_kill_story().recorded(folder / "run")
    sign = partial(sign_message, KEY)
    write_evidence([run], None, folder / "b.zip", redact=False, sign=sign)
    return folder / "b.zip"


@pytest.fixture
def signed(signed_once, tmp_path):
    return Path(shutil.copy(signed_once, tmp_path))


def test_without_a_signature_it_says_what_it_cannot_know(bundle):
    found = verify_bundle(bundle)
    assert (found.wrong, found.signed_by) == ([], None)
    assert "nothing shows who made it" in found.notes[0]
    assert verify_bundle(bundle, [signer(KEY)]).wrong == ["it is not signed"]


def test_a_signed_bundle_and_its_signer(signed):
    assert "--signer" in verify_bundle(signed).notes[0]
    found = verify_bundle(signed, [signer(OTHER), signer(KEY, "anna")])
    assert found.wrong == []
    assert found.notes[0].startswith(f"signed by anna ({found.signed_by}): ")


def test_somebody_else_s_signature(signed):
    (wrong,) = verify_bundle(signed, [signer(OTHER)]).wrong
    assert wrong == "the key that signed it is not the signer's"


def test_what_is_made_anew_with_all_its_hashes_loses_the_signature(signed):
    with zipfile.ZipFile(signed) as old:
        signature = old.read(SIGNATURE)
    resigned = forged(signed, README_txt=lambda text: text + b"!")
    with zipfile.ZipFile(resigned, "a") as new:
        new.writestr(SIGNATURE, signature)
    found = verify_bundle(resigned, [signer(KEY)])
    assert found.wrong == ["the signature is wrong: it does not belong to this bundle.json"]
    assert found.signed_by is None


def test_a_signature_does_not_change_what_is_computed(signed, made):
    with zipfile.ZipFile(signed) as one, zipfile.ZipFile(made) as other:
        assert set(one.namelist()) - set(other.namelist()) == {SIGNATURE}
        assert one.read(FIGURES) == other.read(FIGURES)
        held = b"".join(map(one.read, one.namelist()))
    secret = KEY.private_bytes_raw()
    assert secret not in held
    assert base64.b64encode(secret)[:40] not in held
