import pytest
from msgspec import Struct

from stresser.model.errors import RunFolderError
from stresser.record.folder import RunFolder
from stresser.record.summary_file import read_summary, write_summary


class Finding(Struct):
    drops: int
    cohort: tuple[str, str]


def test_a_summary_comes_back_as_a_dict(tmp_path):
    folder = RunFolder(tmp_path)
    write_summary(folder, Finding(3, ("a", "b")))
    assert read_summary(folder) == {"drops": 3, "cohort": ["a", "b"]}
    write_summary(folder, {"verdict": "pass"})
    assert read_summary(folder) == {"verdict": "pass"}
    assert folder.summary.read_text() == '{\n  "verdict": "pass"\n}\n'


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_summary_is_one_clear_line(tmp_path, text):
    folder = RunFolder(tmp_path)
    folder.summary.write_bytes(text)
    with pytest.raises(RunFolderError, match=r"summary\.json: is not a summary") as caught:
        read_summary(folder)
    assert "\n" not in str(caught.value)


def test_a_missing_summary_is_one_clear_line(tmp_path):
    with pytest.raises(RunFolderError, match=r"summary\.json: cannot be read: No such file"):
        read_summary(RunFolder(tmp_path))


def test_a_folder_that_is_gone_is_one_clear_line(tmp_path):
    with pytest.raises(RunFolderError, match=r"summary\.json: cannot be written: No such file"):
        write_summary(RunFolder(tmp_path / "gone"), {})
