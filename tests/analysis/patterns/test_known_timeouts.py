"""Documented defaults, and when a timer is said to be consistent with one."""

import pytest

from stresser.analysis.patterns.known_timeouts import (
    consistent_with,
    how_it_showed,
    known_timeouts,
)
from stresser.analysis.patterns.scopes import Variable
from stresser.model.ending import Kind
from stresser.statistics.brackets import Bracket
from tests.analysis.story import seconds

ANYHOW: frozenset[str] = frozenset()


def names(low: float, high: float, shown: frozenset[str] = ANYHOW, variable=Variable.IDLE):
    bracket = Bracket(seconds(low), seconds(high))
    return {known.name for known in consistent_with([variable], bracket, shown)}


def test_each_row_says_all_that_it_must():
    rows = known_timeouts()
    assert len(rows) > 30
    assert len({(row.name, row.seconds) for row in rows}) == len(rows)
    for row in rows:
        assert row.source.strip()
        assert row.seconds > 0
        assert row.kills <= {"reset", "answer", "silent", "close"}
        assert row.counts in {Variable.IDLE, Variable.AGE}


def test_a_tight_bracket_is_consistent_with_what_lies_in_it():
    found = names(239, 241)
    assert "Azure Load Balancer" in found
    assert "AWS NAT gateway" not in found
    assert "AWS NAT gateway" in names(345, 355)


@pytest.mark.parametrize(("low", "high"), [(200, 300), (0, 240), (1, 100_000)])
def test_a_wide_bracket_is_consistent_with_nothing_worth_naming(low, high):
    assert names(low, high) == set()


def test_who_ends_sessions_in_another_way_is_left_out():
    assert "Azure Load Balancer" not in names(239, 241, frozenset({"reset"}))
    assert "Azure Load Balancer with TCP reset" in names(239, 241, frozenset({"reset"}))
    assert "Azure Load Balancer" in names(239, 241, frozenset({"silent"}))
    # A flow that was forgotten silently may be answered by a reset from behind the box.
    assert "Azure Load Balancer" in names(239, 241, frozenset({"answer"}))


def test_age_and_silence_are_told_apart():
    keep_alive = "AWS Application Load Balancer client keep-alive"
    assert keep_alive in names(3590, 3610, variable=Variable.AGE)
    assert keep_alive not in names(3590, 3610, variable=Variable.IDLE)


def test_how_an_ending_shows_in_the_words_of_the_documents():
    shown = {how_it_showed(kind, is_answer=answer) for kind in Kind for answer in (True, False)}
    assert shown == {"reset", "answer", "silent", "close"}
    assert how_it_showed(Kind.SILENCE, is_answer=True) == "silent"
    assert how_it_showed(Kind.TCP_RESET, is_answer=True) == "answer"
    assert how_it_showed(Kind.TCP_RESET, is_answer=False) == "reset"
