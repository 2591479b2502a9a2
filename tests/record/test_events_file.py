import contextlib
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.errors import RunFolderError
from stresser.model.events import SessionEnded
from stresser.model.evidence import Evidence
from stresser.record.events_file import (
    LONGEST_LINE,
    EventsReader,
    bounded_lines,
    encode_event,
    last_event,
)
from tests.record.sample_events import number_of, numbered, run_started, session_ended

UNKNOWN = b'{"event":"moon_rose","t_ns":1,"utc":"x"}\n'


def written(tmp_path, *lines):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(lines))
    return path


def test_an_event_is_one_line_and_comes_back(tmp_path):
    event = session_ended()
    line = encode_event(event)
    assert line.count(b"\n") == 1
    assert list(EventsReader(written(tmp_path, line))) == [event]


def test_a_line_torn_at_every_byte_of_the_last_event_is_tolerated(tmp_path):
    first, last = encode_event(run_started()), encode_event(session_ended())
    for cut in range(len(last) - 1):
        reader = EventsReader(written(tmp_path, first, last[:cut]))
        assert list(reader) == [run_started()], cut
        assert reader.torn == (cut > 0)
        assert bool(reader.damage) == (cut > 0)
        assert reader.unreadable == 0


def test_a_whole_event_without_its_newline_is_not_torn(tmp_path):
    reader = EventsReader(written(tmp_path, encode_event(session_ended())[:-1]))
    assert list(reader) == [session_ended()]
    assert reader.damage == []


def test_unreadable_lines_in_the_middle_are_counted_and_skipped(tmp_path):
    good = encode_event(run_started())
    broken = [
        b"\n",
        b"\0" * 512 + b"\n",
        b"[" * 200_000 + b"\n",
        b'{"event":"run_ended"}\n',
        b'{"event":7,"t_ns":1}\n',
        b"\xff\xfe\n",
        good.replace(b"0", b"-", 1),
    ]
    reader = EventsReader(written(tmp_path, good, *broken, good))
    assert list(reader) == [run_started(), run_started()]
    assert reader.unreadable == len(broken)
    assert reader.damage == [f"events.jsonl: {len(broken)} unreadable lines were skipped"]


def test_unknown_event_types_are_counted_by_name(tmp_path):
    reader = EventsReader(written(tmp_path, UNKNOWN, UNKNOWN, encode_event(run_started())))
    assert list(reader) == [run_started()]
    assert reader.unknown_types == {"moon_rose": 2}
    assert reader.unreadable == 0
    assert "moon_rose" in reader.damage[0]


def test_many_unknown_types_do_not_fill_memory_or_the_screen(tmp_path):
    lines = [b'{"event":"\\u001b[2J%d"}\n' % number for number in range(1000)]
    reader = EventsReader(written(tmp_path, *lines))
    assert list(reader) == []
    assert sum(reader.unknown_types.values()) == 1000
    assert len(reader.unknown_types) <= 21
    assert not any("\x1b" in sentence for sentence in reader.damage)


class EndlessLine(io.RawIOBase):
    """A file of one line without an end: gigabytes that are never stored."""

    def __init__(self, size):
        self.left = size

    def readable(self):
        return True

    def readinto(self, buffer):
        count = min(len(buffer), self.left)
        buffer[:count] = b"x" * count
        self.left -= count
        return count


@pytest.mark.slow
def test_a_line_of_a_gigabyte_is_skipped_in_bounded_memory():
    file = io.BufferedReader(EndlessLine(1 << 30), 1 << 20)
    assert list(bounded_lines(file)) == [(None, False)]


def test_a_line_too_long_in_the_middle_does_not_hide_what_follows(tmp_path):
    path = written(
        tmp_path, encode_event(numbered(1)), b"y" * (3 * LONGEST_LINE), b"\n", UNKNOWN[:0],
        encode_event(numbered(2)),
    )  # fmt: skip
    reader = EventsReader(path)
    assert [number_of(event) for event in reader] == [1, 2]
    assert reader.unreadable == 1


def test_reading_again_counts_anew(tmp_path):
    reader = EventsReader(written(tmp_path, b"broken\n"))
    for _ in range(2):
        assert list(reader) == []
        assert reader.unreadable == 1


def test_a_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(RunFolderError, match=r"events\.jsonl: cannot be read: No such file"):
        list(EventsReader(tmp_path / "events.jsonl"))


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec=None)), inner, max_size=4)
    ),
    max_leaves=8,
)


@pytest.mark.slow
@given(
    raw=st.text(st.characters(codec=None)),
    headers=st.dictionaries(st.text(st.characters(codec=None)), st.text(), max_size=4),
)
def test_whatever_a_peer_sent_gives_a_line_that_reads(raw, headers):
    line = encode_event(session_ended(raw=raw, evidence=Evidence(headers=headers)))
    assert line.count(b"\n") == 1
    assert b"\n" not in line[:-1]
    with contextlib.suppress(UnicodeEncodeError):
        raw.encode()
        assert decode_raw(line) == raw


def decode_raw(line):
    return msgspec.json.decode(line)["raw"]


@pytest.mark.parametrize(
    "headers",
    [
        {"big": "x" * (2 * LONGEST_LINE)},
        {str(n): "y" * 50_000 for n in range(100)},
        {"surrogate \udcff": "\udcff"},
    ],
    ids=["big", "many", "surrogate"],
)
def test_evidence_that_cannot_be_written_is_cut_and_the_event_survives(tmp_path, headers):
    line = encode_event(session_ended(evidence=Evidence(headers=headers)))
    assert len(line) <= LONGEST_LINE
    (event,) = EventsReader(written(tmp_path, line))
    assert isinstance(event, SessionEnded)
    assert event.ending.failure == "connection_reset"
    assert event.ending.evidence.headers


def test_the_last_event_is_found_behind_damage(tmp_path):
    lines = [encode_event(numbered(n)) for n in range(100)]
    path = written(tmp_path, *lines, b"broken\n", UNKNOWN, lines[0][:20])
    found = last_event(path)
    assert found is not None
    assert number_of(found) == 99


def test_there_may_be_no_last_event(tmp_path):
    assert last_event(tmp_path / "missing") is None
    assert last_event(written(tmp_path, b"x" * 5 * LONGEST_LINE)) is None
