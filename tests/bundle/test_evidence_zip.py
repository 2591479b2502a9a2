import json
import zipfile

import pytest

from stresser.bundle.evidence_zip import COMPUTED, FIGURES, PAGE, write_evidence
from stresser.model.errors import RunFolderError
from stresser.record.manifest import Status
from tests.analysis.both_ends_story import both_ends_run
from tests.analysis.hostile_story import hostile_run
from tests.analysis.story import idle_kill_story

pytestmark = pytest.mark.usefixtures("small_plotly")


def bundled(run, path, *, redact=False):
    _, key = write_evidence([run], None, path, redact=redact)
    with zipfile.ZipFile(path) as bundle:
        return {name: bundle.read(name).decode() for name in bundle.namelist()}, key


def test_it_holds_all_that_is_promised(tmp_path):
    files, key = bundled(idle_kill_story().recorded(tmp_path / "run"), tmp_path / "b.zip")
    assert {*COMPUTED, PAGE, "README.txt", "bundle.json", "runs/run/events.jsonl"} <= files.keys()
    assert key == {}
    drops = [json.loads(line) for line in files["drops.jsonl"].splitlines()]
    assert len(drops) == 20
    assert all(drop["event"] == "session_ended" and drop["is_drop"] for drop in drops)
    assert files["drops.csv"].count("\r\n") == 21
    assert "Raise the" in files["network-team.md"]
    assert "20" in files["network-team.md"]


def test_redacted_it_holds_no_name_and_not_the_key(tmp_path):
    run = idle_kill_story().recorded(tmp_path / "secret-run", command_line=["/srv/eve"])
    files, key = bundled(run, tmp_path / "b.zip", redact=True)
    everything = "\n".join(text for name, text in files.items() if name != PAGE)
    page = files[PAGE].partition('id="data">')[2].partition("</script>")[0]
    for secret in ("broker", "192.0.2.1", "198.51.100.1", "secret-run", "/srv/eve", "made-up"):
        assert secret not in everything
        assert secret not in page
        assert secret not in "".join(files)
    assert key["broker"] == "endpoint-1"
    assert key["192.0.2.1"].startswith("address-")
    assert "vpn" in everything


def test_a_hostile_run_can_be_bundled(tmp_path):
    files, _ = bundled(hostile_run(tmp_path / "run"), tmp_path / "b.zip", redact=True)
    assert "evil.example" not in files["drops.jsonl"]


def test_a_run_that_goes_on_is_refused(tmp_path):
    run = idle_kill_story().recorded(tmp_path / "run", status=Status.RUNNING, is_alive=True)
    with pytest.raises(RunFolderError, match="goes on"):
        write_evidence([run], None, tmp_path / "b.zip", redact=False)
    assert not (tmp_path / "b.zip").exists()


def test_the_page_for_the_network_team_has_what_both_ends_counted(tmp_path):
    run = both_ends_run(tmp_path / "run")
    files, _ = bundled(run, tmp_path / "b.zip")
    assert "As both ends counted:" in files["network-team.md"]
    assert "through vpn come from 203.0.113.9" in files["network-team.md"]
    [told] = json.loads(files[FIGURES])["runs"]
    assert [row["there"] for row in told["both_ends"]["rows"]] == [
        "tcp_fin", None, "tcp_reset", "ws_close",
    ]  # fmt: skip
    secret, _ = bundled(run, tmp_path / "c.zip", redact=True)
    assert "203.0.113.9" not in "".join(secret.values())


def test_without_a_reflector_the_page_says_nothing_of_both_ends(tmp_path):
    files, _ = bundled(idle_kill_story().recorded(tmp_path / "run"), tmp_path / "b.zip")
    assert "both ends" not in files["network-team.md"]
