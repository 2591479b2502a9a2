import os
import stat

import pytest

from stresser.model.errors import RunFolderError
from stresser.record.folder import RUN_NAME, RunFolder, create_run_folder, make_worker_folder

STARTED = 1_795_418_726_123_456_789


def test_a_folder_is_named_for_its_start_scenario_and_label(tmp_path):
    folder = create_run_folder(tmp_path / "results", "quickstart", "night1", STARTED)
    assert folder.path == tmp_path / "results" / "20261123T072526Z-quickstart-night1"
    assert folder.path.is_dir()
    assert RUN_NAME.fullmatch(folder.path.name)


def test_without_a_label_the_name_ends_with_the_scenario(tmp_path):
    for number, label in enumerate((None, "", "  ", "///", "..")):
        folder = create_run_folder(tmp_path / str(number), "q", label, STARTED)
        assert folder.path.name == "20261123T072526Z-q"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("../../etc", "etc"),
        ("a b/c\n\x1b[2J", "a_b_c_2J"),
        ("nächtlich", "n_chtlich"),
        ("x" * 500, "x" * 80),
        (".hidden.", "hidden"),
    ],
)
def test_a_label_cannot_leave_the_folder_or_play_with_the_terminal(tmp_path, label, name):
    folder = create_run_folder(tmp_path, "q", label, STARTED)
    assert folder.path.parent == tmp_path
    assert folder.path.name == f"20261123T072526Z-q-{name}"


def test_an_existing_folder_is_never_used_again(tmp_path):
    names = [create_run_folder(tmp_path, "q", None, STARTED).path.name for _ in range(3)]
    assert names == [f"20261123T072526Z-q{suffix}" for suffix in ("", "-2", "-3")]


def test_a_parent_that_is_a_file_is_one_clear_line(tmp_path):
    (tmp_path / "results").write_text("")
    with pytest.raises(RunFolderError) as caught:
        create_run_folder(tmp_path / "results", "q", None, STARTED)
    (line,) = caught.value.lines
    assert "results: the run folder cannot be made here: " in line
    assert "--out" in line
    assert "\n" not in line


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no RLIMIT_FSIZE")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_place_that_cannot_be_written_is_told_before_the_run(tmp_path):
    child = os.fork()
    if child == 0:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            create_run_folder(tmp_path, "q", None, STARTED)
        except RunFolderError as error:
            said = "cannot be written: File too large" in str(error)
            os._exit(0 if said and not list(tmp_path.iterdir()) else 2)
        os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_room_is_kept_and_given_back(tmp_path):
    folder = create_run_folder(tmp_path, "q", None, STARTED)
    assert folder.reserve.stat().st_blocks * 512 >= 256 * 1024
    folder.release_reserve()
    folder.release_reserve()
    assert list(folder.path.iterdir()) == []


def test_all_files_are_in_the_folder(tmp_path):
    folder = RunFolder(tmp_path)
    files = [folder.manifest, folder.events, folder.histograms, folder.partial]
    files += [folder.summary, folder.log, folder.reserve]
    assert len(set(files)) == len(files)
    assert {file.parent for file in files} == {tmp_path}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("umask", "expected"),
    [(0o022, 0o700), (0o077, 0o700), (0o027, 0o700), (0o002, 0o770), (0, 0o777)],
)
def test_a_folder_is_its_owners_unless_the_umask_shares_on_purpose(tmp_path, umask, expected):
    before = os.umask(umask)
    try:
        made = create_run_folder(tmp_path, "quick", None, 0)
    finally:
        os.umask(before)
    assert stat.S_IMODE(made.path.stat().st_mode) == expected


def test_a_worker_s_folder_is_as_private_as_the_run_s_and_may_be_there_already(tmp_path):
    run = create_run_folder(tmp_path, "quick", None, STARTED)
    made = make_worker_folder(run, 3)
    assert made.path == run.path / "workers" / "3"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (run.workers, made.path)} == {0o700}
    assert made.events.read_bytes() == b""
    made.events.write_bytes(b"{}\n")
    assert make_worker_folder(run, 3).events.read_bytes() == b"{}\n"


def test_a_worker_s_folder_that_cannot_be_made_is_told_in_one_line(tmp_path):
    run = create_run_folder(tmp_path, "quick", None, STARTED)
    run.workers.write_bytes(b"")
    with pytest.raises(RunFolderError, match="workers/1: cannot be made: Not a directory"):
        make_worker_folder(run, 1)
