import pytest

from stresser.model.ending import Grade, Initiator
from stresser.model.errors import RunFolderError
from stresser.model.events import FarEndSeen, SessionEnded
from stresser.model.far_end import FarEnd
from stresser.record.events_file import EventsReader
from stresser.record.far_ends import with_far_ends, write_far_ends
from stresser.record.folder import RunFolder
from tests.record.sample_events import numbered, session_ended, utc_of

S = 10**9


def seen(session: int = 2) -> FarEndSeen:
    far = FarEnd(within_ns=1000, known_until_ns=9 * S, peer="192.0.2.9:1")
    return FarEndSeen(t_ns=S, utc=utc_of(S), session=session, far_end=far)


def read(folder: RunFolder, *events):
    return list(with_far_ends(events, EventsReader(folder.far_ends)))


def test_an_ending_is_judged_by_both_ends(tmp_path):
    folder = RunFolder(tmp_path)
    write_far_ends(folder, [seen()])

    other, ended = read(folder, numbered(1), session_ended())

    assert other == numbered(1)
    assert isinstance(ended, SessionEnded)
    assert (ended.ending.initiator, ended.ending.grade) == (
        Initiator.MIDDLEBOX,
        Grade.REFLECTOR,
    )
    assert ended.ending.evidence.far_end == seen().far_end


def test_another_session_is_left_alone(tmp_path):
    folder = RunFolder(tmp_path)
    write_far_ends(folder, [seen(session=7)])
    assert read(folder, session_ended()) == [session_ended()]


def test_without_the_file_nothing_changes(tmp_path):
    assert read(RunFolder(tmp_path), session_ended()) == [session_ended()]


def test_garbage_in_the_file_is_skipped(tmp_path):
    folder = RunFolder(tmp_path)
    folder.far_ends.write_bytes(b"\xff\xfe\n{}\n[1]\n")
    assert read(folder, session_ended()) == [session_ended()]


def test_a_link_is_not_followed(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("")
    folder.far_ends.symlink_to(elsewhere)
    with pytest.raises(RunFolderError):
        read(folder, session_ended())
