"""What is remembered for those who ask, and what is not."""

from functools import partial

from stresser.model.ending import Kind
from stresser.model.events import ReflectionEnded, ReflectionHeld, ReflectionOpened
from stresser.model.far_account import MOST_TOLD
from stresser.reflector.accounts import Accounts

RUN, OTHER = "ab" * 16, "cd" * 16


def opened(attempt, run=RUN):
    return ReflectionOpened(
        t_ns=attempt, utc="u", number=attempt, run=run, attempt=attempt, scheme="tls",
        local="192.0.2.2:443", peer="198.51.100.1:9", accepted_ns=attempt,
    )  # fmt: skip


def ended(attempt):
    return ReflectionEnded(
        t_ns=9, utc="u", number=attempt, run=RUN, attempt=attempt, last_in_ns=1, kind=Kind.TCP_FIN
    )


def looked(attempt, run=RUN):
    return ReflectionHeld(t_ns=9, utc="u", number=1, run=run, attempt=attempt, last_in_ns=8)


def filled(*events, most=100):
    accounts = Accounts(most)
    for event in events:
        accounts.opened(event, partial(looked, event.attempt, event.run))
    return accounts


def numbers(told):
    return [event.attempt for _, event in told]


def test_a_run_hears_of_its_own_sessions_and_each_once():
    accounts = filled(opened(1), opened(7, OTHER), opened(2))
    told, last = accounts.since(RUN, 0)
    assert numbers(told) == [1, 2]
    assert accounts.since(RUN, last) == ([], last)
    accounts.ended(ended(1))
    told, _ = accounts.since(RUN, last)
    assert [type(event) for _, event in told] == [ReflectionEnded]


def test_many_are_told_in_parts():
    accounts = filled(*(opened(number) for number in range(1, 2 * MOST_TOLD + 2)), most=1000)
    heard, last = [], 0
    while last != accounts.last:
        told, last = accounts.since(RUN, last)
        assert len(told) <= MOST_TOLD
        heard += numbers(told)
    assert heard == list(range(1, 2 * MOST_TOLD + 2))


def test_the_oldest_are_forgotten():
    accounts = filled(*(opened(number) for number in range(1, 6)), most=3)
    assert numbers(accounts.since(RUN, 0)[0]) == [3, 4, 5]


def test_what_is_held_is_told_as_it_is_now_until_it_ends():
    accounts = filled(opened(1), opened(2), opened(1, OTHER))
    assert [(one.run, one.attempt) for one in accounts.held(RUN, [1, 2, 3])] == [(RUN, 1), (RUN, 2)]
    accounts.ends(RUN, 1)  # from then on, though how it ended is told when it is known
    assert [one.attempt for one in accounts.held(RUN, [1, 2])] == [2]
    assert [one.attempt for one in accounts.held(OTHER, [1])] == [1]


def test_a_reflector_that_is_started_again_has_another_record():
    assert Accounts().record != Accounts().record
