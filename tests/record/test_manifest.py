import msgspec
import pytest

from stresser.model.errors import RunFolderError
from stresser.model.verdict import Verdict
from stresser.record.manifest import (
    Gap,
    Manifest,
    ProcessIdentity,
    Status,
    finished,
    read_manifest,
    write_manifest,
)


def manifest(**more):
    return Manifest(
        stresser="0.1.0",
        scenario={"name": "quick", "endpoints": [{"headers": {"Authorization": "***"}}]},
        started_utc="2026-11-23T07:25:26.123456Z",
        anchor_unix_ns=1_795_418_726_123_456_789,
        process=ProcessIdentity(pid=7),
        **more,
    )


GAP = Gap(
    what="No space left on device",
    path="events.jsonl",
    since_t_ns=5,
    since_utc="2026-11-23T08:00:00.000000Z",
    events=3,
    samples=9,
)


def test_a_manifest_comes_back(tmp_path):
    path = tmp_path / "manifest.json"
    write_manifest(path, manifest())
    assert read_manifest(path) == manifest()
    assert read_manifest(path).status is Status.RUNNING


def test_the_end_of_a_run_replaces_the_manifest(tmp_path):
    path = tmp_path / "manifest.json"
    write_manifest(path, manifest())
    end = finished(
        manifest(),
        status=Status.COMPLETE,
        ended_utc="2026-11-23T09:00:00.000000Z",
        end_reason="duration",
        verdict=Verdict.FAIL,
        gap=GAP,
    )
    write_manifest(path, end)
    found = read_manifest(path)
    assert found == end
    assert (found.status, found.verdict, found.gap) == (Status.COMPLETE, Verdict.FAIL, GAP)
    assert list(tmp_path.iterdir()) == [path]


def test_a_gap_is_one_sentence():
    assert str(GAP) == (
        "recording stopped: events.jsonl: No space left on device; nothing after"
        " 2026-11-23T08:00:00.000000Z is complete, 3 events and 9 samples are missing"
    )


def test_a_manifest_of_a_newer_stresser_is_read(tmp_path):
    path = tmp_path / "manifest.json"
    newer = {**msgspec.to_builtins(manifest()), "schema": 2, "moon_phase": "full"}
    path.write_bytes(msgspec.json.encode(newer))
    assert read_manifest(path).schema == 2


def test_values_that_json_does_not_know_are_written_as_text(tmp_path):
    path = tmp_path / "manifest.json"
    write_manifest(path, manifest(capabilities={"where": tmp_path}))
    assert read_manifest(path).capabilities == {"where": str(tmp_path)}


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"\xff\xfe", b"{" * 100_000, b"\0" * 4096])
def test_what_is_no_manifest_is_one_clear_line(tmp_path, text):
    path = tmp_path / "manifest.json"
    path.write_bytes(text)
    with pytest.raises(RunFolderError, match=r"manifest\.json: is not a manifest: .") as caught:
        read_manifest(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("number", [2**62 + 1, -(2**62) - 1, 10**30, 10**400])
def test_a_time_that_no_calendar_has_is_refused(tmp_path, number):
    path = tmp_path / "manifest.json"
    text = msgspec.json.encode(manifest()).replace(b"1795418726123456789", str(number).encode())
    path.write_bytes(text)
    with pytest.raises(RunFolderError, match="is not a manifest"):
        read_manifest(path)


def test_a_giant_manifest_is_not_read(tmp_path):
    path = tmp_path / "manifest.json"
    with path.open("wb") as file:
        file.truncate(1 << 34)
    with pytest.raises(RunFolderError, match="larger than 16 MiB"):
        read_manifest(path)


def test_a_folder_that_is_gone_is_one_clear_line(tmp_path):
    with pytest.raises(RunFolderError, match="cannot be written: No such file"):
        write_manifest(tmp_path / "gone" / "manifest.json", manifest())
