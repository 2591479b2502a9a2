"""Damaged bundles: verified, found wrong, or refused in one line; nothing leads out of them."""

import pytest

from stresser.bundle.evidence_zip import write_evidence
from stresser.bundle.verification import verify_bundle
from tests.analysis.story import idle_kill_story
from tests.fuzz.damage import Rounds, damaged, only_mistakes
from tests.record.worker_runs import recorded_by

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_damaged_bundle_is_no_traceback(tmp_path, monkeypatch, workers):
    run = recorded_by(workers, tmp_path / "run", idle_kill_story().events)
    path, scratch = tmp_path / "b.zip", tmp_path / "scratch"
    write_evidence([run], None, path, redact=False)
    whole = path.read_bytes()
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    before = sorted(tmp_path.iterdir())
    for dice in Rounds("bundles"):
        path.write_bytes(damaged(whole, dice))
        with only_mistakes(b"a bundle"):
            verify_bundle(path)
    assert sorted(tmp_path.iterdir()) == before
    assert list(scratch.iterdir()) == []
