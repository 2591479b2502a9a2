import stat
import zipfile
from pathlib import Path

import pytest

from stresser.bundle import zip_file as bundle_file
from stresser.bundle.zip_file import (
    MANIFEST,
    BundleError,
    BundleManifest,
    check_sizes,
    unpack,
    write_bundle,
)

FILES: dict[str, bytes | Path] = {"runs/one/events.jsonl": b"{}\n", "report.md": b"# A"}


def manifest():
    return BundleManifest(stresser="0.1.0", redacted=False, runs=["one"], egresses=None)


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "b.zip"
    write_bundle(path, manifest(), FILES)
    return path


def altered(bundle, change):
    """The same bundle with its entries changed: a dict of name to (info, data)."""
    with zipfile.ZipFile(bundle) as old:
        entries = [(info, old.read(info)) for info in old.infolist()]
    with zipfile.ZipFile(bundle, "w") as new:
        for info, data in change(entries):
            new.writestr(info, data)
    return bundle


def test_what_was_written_is_read_back(bundle, tmp_path):
    read, _, _, wrong = unpack(bundle, tmp_path / "into")
    assert wrong == []
    assert (read.runs, set(read.files)) == (["one"], set(FILES))
    assert (tmp_path / "into" / "runs" / "one" / "events.jsonl").read_bytes() == b"{}\n"


def test_the_same_content_makes_the_same_bytes(tmp_path):
    hashes = {write_bundle(tmp_path / name, manifest(), FILES) for name in ("a.zip", "b.zip")}
    assert len(hashes) == 1


def test_a_changed_a_missing_and_an_additional_file_are_told(bundle, tmp_path):
    def change(entries):
        for info, data in entries:
            if info.filename == "report.md":
                yield info, b"# B"
            elif info.filename == MANIFEST:
                yield info, data
        yield zipfile.ZipInfo("more.txt"), b""

    wrong = unpack(altered(bundle, change), tmp_path / "into").wrong
    assert sorted(wrong) == [
        '"more.txt" is in it but not listed',
        '"report.md" is not what its hash says',
        '"runs/one/events.jsonl" is listed but missing',
    ]


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "C:evil", ".hidden", "a//b",
     "a/b/c/d/e", "runs/a/workers/1/b/c/d", "runs/../workers/1/evil", "runs/a/workers/../evil",
     "runs/a/workers/999/b/c", "a/runs/a/workers/1/b", "x" * 300, "REPORT.md", "nul\x01"],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(bundle, tmp_path, name):
    path = altered(bundle, lambda entries: [*entries, (zipfile.ZipInfo(name), b"evil")])
    with pytest.raises(BundleError, match="is not a bundle that can be read"):
        unpack(path, tmp_path / "into")
    assert not list(tmp_path.rglob("*evil*"))


def test_a_link_is_refused(bundle, tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = altered(bundle, lambda entries: [*entries, (link, b"/etc/passwd")])
    with pytest.raises(BundleError, match="link"):
        unpack(path, tmp_path / "into")


def test_what_is_packed_once_more_in_itself_is_refused(bundle, tmp_path):
    packed = zipfile.ZipInfo("runs/one/events-00001.jsonl.zst")
    path = altered(bundle, lambda entries: [*entries, (packed, b"whatever")])
    with pytest.raises(BundleError, match="packed once more"):
        unpack(path, tmp_path / "into")


def test_a_bomb_is_refused_whatever_it_says_of_its_size(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle_file, "_LARGEST_FILE", 1000)
    big = zipfile.ZipInfo("big")
    big.compress_type = zipfile.ZIP_DEFLATED
    path = altered(bundle, lambda entries: [*entries, (big, b"0" * 100_000)])
    with pytest.raises(BundleError, match="too large"):
        unpack(path, tmp_path / "into")


def test_a_long_list_of_files_is_not_even_read(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle_file, "_LARGEST_DIRECTORY", 100)
    with pytest.raises(BundleError, match="its list of files is too long"):
        unpack(bundle, tmp_path / "into")


def test_too_many_files_are_refused(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle_file, "_MOST_FILES", 2)
    with pytest.raises(BundleError, match="too many"):
        unpack(bundle, tmp_path / "into")


@pytest.mark.parametrize("text", [b"", b"PK\x03\x04 torn", b"no zip at all" * 100])
def test_what_is_no_zip_is_told_in_one_line(tmp_path, text):
    path = tmp_path / "b.zip"
    path.write_bytes(text)
    with pytest.raises(BundleError) as told:
        unpack(path, tmp_path / "into")
    assert len(told.value.lines) == 1


@pytest.mark.parametrize("text", [b"", b"[]", b'{"schema": 9}', b"[" * 100_000])
def test_a_manifest_that_is_none(bundle, tmp_path, text):
    def change(entries):
        return [(info, text if info.filename == MANIFEST else data) for info, data in entries]

    with pytest.raises(BundleError, match="bundle\\.json"):
        unpack(altered(bundle, change), tmp_path / "into")


def test_a_torn_bundle_is_refused(bundle, tmp_path):
    bundle.write_bytes(bundle.read_bytes()[:-30])
    with pytest.raises(BundleError):
        unpack(bundle, tmp_path / "into")


def test_where_it_cannot_be_written_nothing_is_left(tmp_path):
    with pytest.raises(BundleError, match="cannot be written"):
        write_bundle(tmp_path / "nowhere" / "b.zip", manifest(), FILES)
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_read_again_is_not_written(tmp_path):
    large, path = tmp_path / "events.jsonl", tmp_path / "b.zip"
    with large.open("wb") as file:
        file.truncate((2 << 30) + 1)
    with pytest.raises(BundleError, match=r"b\.zip\": is not written: .* 2 GiB .*events\.jsonl"):
        write_bundle(path, manifest(), {"runs/a/events.jsonl": large})
    assert list(tmp_path.iterdir()) == [large]


def test_what_a_worker_recorded_lies_deeper(bundle, tmp_path):
    names = ["runs/one/workers/64/events.jsonl", "runs/one/workers/1/chains/a.pem"]
    added = [(zipfile.ZipInfo(name), b"x") for name in names]
    path = altered(bundle, lambda entries: [*entries, *added])
    unpack(path, tmp_path / "into")
    assert [(tmp_path / "into" / name).read_bytes() for name in names] == [b"x", b"x"]


def test_more_files_than_can_be_read_again_are_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle_file, "_MOST_FILES", 5)
    check_sizes(tmp_path / "b.zip", dict.fromkeys("abc", 1))
    with pytest.raises(BundleError, match="4 files are too many"):
        check_sizes(tmp_path / "b.zip", dict.fromkeys("abcd", 1))


def test_many_files_are_too_large_together(tmp_path):
    with pytest.raises(BundleError, match="4 GiB in all"):
        check_sizes(tmp_path / "b.zip", dict.fromkeys(["a", "b", "c"], 3 << 29))
    check_sizes(tmp_path / "b.zip", dict.fromkeys(["a", "b"], 3 << 29))
