import pytest

from stresser.model.errors import RunFolderError
from stresser.record.folder import RunFolder
from stresser.record.host_facts import gather_manifest
from stresser.record.lookup import has_begun, has_records, list_runs, resolve_run
from stresser.record.manifest import write_manifest
from stresser.record.reader import open_reflection, open_run
from tests.analysis.story import idle_kill_story

NAMES = [
    "20261122T235959Z-b",
    "20261123T072526Z-a",
    "20261123T072526Z-a-2",
    "20261123T072526Z-a-10",
]


@pytest.fixture
def results(tmp_path):
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text("{}")
    (tmp_path / "README.md").write_text("")
    (tmp_path / "notes").mkdir()
    (tmp_path / "20261124T000000Z-file").write_text("")
    return tmp_path


def test_last_is_the_latest_run(results):
    assert resolve_run("last", results).name == "20261123T072526Z-a-10"


@pytest.mark.parametrize("left", [[], [".reserve"]])
def test_last_is_no_run_that_never_began(results, left):
    killed = results / "20261125T000000Z-killed"
    killed.mkdir()
    for name in left:
        (killed / name).write_bytes(bytes(9))
    assert resolve_run("last", results).name == "20261123T072526Z-a-10"
    assert resolve_run(killed.name, results) == killed


def reflection(path):
    path.mkdir()
    manifest = gather_manifest(
        scenario={}, listened="192.0.2.1:443", anchor_unix_ns=0, command_line=[], capabilities={},
        socket_options={},
    )  # fmt: skip
    write_manifest(RunFolder(path).manifest, manifest)
    return path


def test_last_is_no_reflectors_record(results):
    newest = reflection(results / "20261125T000000Z-reflector")
    assert resolve_run("last", results).name == "20261123T072526Z-a-10"
    assert resolve_run(newest.name, results) == newest


def test_a_reflectors_record_is_no_run_and_a_run_is_no_reflectors(results):
    path = reflection(results / "20261125T000000Z-reflector")
    with pytest.raises(RunFolderError, match="is a reflector's record; `stresser join RUN"):
        open_run(path)
    assert open_reflection(path).is_reflectors
    run = idle_kill_story().recorded(results / "20261126T000000Z-run")
    with pytest.raises(RunFolderError, match="is no record of `stresser reflect`"):
        open_reflection(run.path)


def test_runs_are_listed_oldest_first(results):
    assert [path.name for path in list_runs(results)] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_run_is_found_by_its_name(results, name):
    assert resolve_run(name, results) == results / name


def test_a_run_is_found_by_its_path_or_a_file_in_it(results, tmp_path):
    elsewhere = results / NAMES[0]
    (elsewhere / "events.jsonl").write_text("")
    assert resolve_run(str(elsewhere), tmp_path / "nowhere") == elsewhere
    assert resolve_run(str(elsewhere / "events.jsonl"), tmp_path / "nowhere") == elsewhere


@pytest.mark.parametrize(
    ("text", "suggested"), [("a-2", "20261123T072526Z-a-2"), ("20261122T235959Z-c", NAMES[0])]
)
def test_the_nearest_name_is_suggested(results, text, suggested):
    with pytest.raises(RunFolderError, match=f'did you mean "{suggested}"'):
        resolve_run(text, results)


@pytest.mark.parametrize("text", ["", "nothing\x1b[2J", "x" * 5000, "a\0b", "~"])
def test_what_names_no_run_is_one_clear_line(tmp_path, text):
    empty = tmp_path / "results"
    empty.mkdir()
    with pytest.raises(RunFolderError) as caught:
        resolve_run(text, empty)
    assert str(caught.value).isprintable()


def test_last_without_any_run_is_one_clear_line(tmp_path):
    (tmp_path / NAMES[0]).mkdir()  # nothing is in it
    for place in (tmp_path, tmp_path / "missing"):
        with pytest.raises(RunFolderError, match="there is no run in it yet"):
            resolve_run("last", place)


@pytest.mark.parametrize("named", ["", "events.jsonl"])
def test_a_workers_folder_names_its_run(results, named, monkeypatch):
    run = results / NAMES[0]
    worker = RunFolder(run).worker(2)
    worker.path.mkdir(parents=True)
    worker.events.touch()
    assert resolve_run(str(worker.path / named), results) == run
    monkeypatch.chdir(worker.path)
    assert resolve_run(named or ".", results) == run
    other = RunFolder(run).worker(65)
    other.path.mkdir()
    assert resolve_run(str(other.path), results) == other.path


@pytest.mark.parametrize("name", ["events", "histograms"])
def test_a_run_of_which_workers_records_alone_are_left_has_begun(tmp_path, name):
    folder = RunFolder(tmp_path / "20261125T000000Z-q")
    folder.worker(3).path.mkdir(parents=True)
    assert not has_begun(folder)
    getattr(folder.worker(3), name).touch()
    assert has_begun(folder)
    assert has_records(folder)
    assert resolve_run("last", tmp_path) == folder.path
