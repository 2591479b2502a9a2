"""Durations, sizes and shown texts: one row each."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.units import (
    DURATION_PATTERN,
    NS_PER_MS,
    NS_PER_S,
    SIZE_PATTERN,
    Duration,
    Size,
    escaped,
    format_duration,
    format_utc,
    shown,
)

A_YEAR = 366 * 86_400 * NS_PER_S


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0s", 0),
        ("1ns", 1),
        ("1us", 1_000),
        ("1µs", 1_000),
        ("1\u03bcs", 1_000),
        ("250ms", 250 * NS_PER_MS),
        ("1.5s", 1_500 * NS_PER_MS),
        ("0.1s", 100 * NS_PER_MS),
        (" 1h 30m ", 5400 * NS_PER_S),
        ("1d", 86_400 * NS_PER_S),
        ("366d", A_YEAR),
    ],
)
def test_a_duration_is_read(text, ns):
    assert Duration.parse(text) == ns


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("10", 'write "10s"'),
        ("0.5", 'write "0.5s"'),
        ("-5s", "negative"),
        ("-5", "negative"),
        ("", "not a duration"),
        ("s", "not a duration"),
        ("5x", "not a duration"),
        ("5 seconds", "not a duration"),
        ("1e3s", "not a duration"),
        (".5s", "not a duration"),
        ("\u0661s", "not a duration"),
        ("1s2s", "twice"),
        ("367d", "longer than a year"),
        ("9" * 60 + "s", "longer than a year"),
        ("9" * 1_000_000 + "s", "not a duration"),
        ("1s" + " " * 100 + "garbage", "not a duration"),
        ("nan", "not a duration"),
        ("\x1b[31m1s", r"\x1b"),
    ],
)
def test_a_bad_duration_is_answered_with_one_short_line(text, mend):
    with pytest.raises(ValueError, match=r".") as caught:
        Duration.parse(text)
    line = str(caught.value)
    assert mend in line
    assert line.isprintable()
    assert len(line) < 250


@given(st.integers(0, A_YEAR))
def test_a_written_duration_reads_back_exactly(ns):
    assert Duration.parse(Duration(ns).written()) == ns


@given(st.integers(0, 2**50))
def test_a_written_size_reads_back_exactly(count):
    assert Size.parse(Size(count).written()) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [("8000B", 8000), ("64KiB", 65536), ("1MB", 10**6), ("1.5 kB", 1500), (" 2GiB ", 2**31)],
)
def test_a_size_is_read(text, count):
    assert Size.parse(text) == count


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("8000", 'write "8000B"'),
        ("8000 b", "not a size"),
        ("-1B", "not a size"),
        ("1PiB", "not a size"),
        ("9999999GiB", "pebibyte"),
        ("9" * 100_000 + "B", "not a size"),
    ],
)
def test_a_bad_size_is_answered_with_the_mend(text, mend):
    with pytest.raises(ValueError, match=mend):
        Size.parse(text)


@given(st.text(max_size=300))
def test_the_schema_patterns_admit_whatever_parses(text):
    import re

    for parse, pattern in ((Duration.parse, DURATION_PATTERN), (Size.parse, SIZE_PATTERN)):
        try:
            parse(text)
        except ValueError:
            continue
        assert re.search(pattern, text)


@given(st.text())
def test_text_of_others_is_shown_on_one_printable_line(text):
    assert shown(text).isprintable()
    assert escaped(text).isprintable()


def test_shown_text_is_quoted_and_cut():
    assert shown('a"b') == '"a\\"b"'
    assert shown("x" * 100) == '"' + "x" * 59 + '…"'
    assert shown("\u202egnp.exe") == '"\\u202egnp.exe"'


@pytest.mark.parametrize(
    ("ns", "words"),
    [
        (412_000, "412 us"),
        (4 * NS_PER_S, "4 s"),
        (999_600_000, "1000 ms"),
        (5400 * NS_PER_S, "1 h 30 m"),
        (90_000 * NS_PER_S, "1 d 1 h"),
        (-1500, "-1.5 us"),
        (0, "0 ns"),
    ],
)
def test_a_duration_in_words(ns, words):
    assert format_duration(ns) == words
    assert str(Duration(ns)) == words


@pytest.mark.parametrize(
    ("unix_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (999, "1970-01-01T00:00:00.000000Z"),
        (1000, "1970-01-01T00:00:00.000001Z"),
        (1_795_418_726_123_456_789, "2026-11-23T07:25:26.123456Z"),
        (951_782_400 * NS_PER_S, "2000-02-29T00:00:00.000000Z"),
        (253_402_300_799_999_999_999, "9999-12-31T23:59:59.999999Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_utc_is_iso_8601_with_microseconds(unix_ns, text):
    assert format_utc(unix_ns) == text


@given(st.tuples(*[st.integers(min_value=0, max_value=2**62)] * 2))
def test_texts_sort_as_their_moments_do(moments):
    earlier, later = sorted(moments)
    assert format_utc(earlier) <= format_utc(later)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", format_utc(later))
