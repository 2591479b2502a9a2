"""What an ending answers: alive or dead, at which silence, at which age."""

import pytest
from msgspec.structs import replace

from stresser.classify.idle_answers import Beside, answer_of_age, answer_of_silence, beside
from stresser.classify.standing import make_ending
from stresser.model.asked_value import AskedValue
from stresser.model.cohort import Cohort
from stresser.model.ending import Grade, Initiator, Kind, Phase, Proof


def ending(kind=Kind.PLANNED, *, initiator=Initiator.UNKNOWN, proved=None):
    return make_ending(
        phase=Phase.HELD, kind=kind, failure=None, initiator=initiator, grade=Grade.ERRNO,
        planned=kind is Kind.PLANNED, age_ns=90, idle_ns=80, alive_at_ns=120, dead_by_ns=200,
        detected_at_ns=200, proved=proved,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "answer"),
    [
        (ending(proved=Proof.ALIVE), (True, False, 200)),
        (ending(proved=Proof.UNPROVED), None),
        (ending(Kind.FOUND_DEAD, proved=Proof.DEAD), (False, False, 200)),
        (ending(Kind.TCP_RESET), (False, True, 200)),
        (ending(Kind.WS_CLOSE), (False, True, 200)),
        (ending(Kind.TCP_RESET, initiator=Initiator.TOOL), None),  # a limit of our own
        (ending(Kind.HOST_SLEPT), None),
        (ending(Kind.TOOL), None),
    ],
)
def test_an_ending_as_an_answer(one, answer):
    for value, said in ((80, answer_of_silence(one)), (90, answer_of_age(one))):
        wanted = None if answer is None else AskedValue(value, *answer)
        assert said == wanted


def test_who_was_found_dead_was_so_when_it_was_asked():
    """Its silence was over then; that nothing came back to the goodbye took longer."""
    dead = replace(ending(Kind.FOUND_DEAD, proved=Proof.DEAD), silence_ns=60)
    assert answer_of_silence(dead) == AskedValue(60, lived=False, at=180)
    assert answer_of_age(dead) == AskedValue(90, lived=False, at=200)
    before = replace(dead, silence_ns=150)
    assert answer_of_silence(before) == AskedValue(80, lived=False, at=200)
    ended = replace(ending(Kind.TCP_RESET), silence_ns=60)
    assert answer_of_silence(ended) == AskedValue(60, lived=False, is_dated=True, at=200)


@pytest.mark.parametrize("kind", [Kind.KERNEL_TIMEOUT, Kind.SILENCE])
def test_who_beats_unanswered_is_dead_but_says_nothing_of_its_silence(kind):
    assert answer_of_age(ending(kind)) == AskedValue(90, lived=False, at=200)
    assert answer_of_silence(ending(kind)) is None


def test_cohorts_beside_a_search_are_named_for_what_they_do():
    assert beside(Cohort("a", "b", "c"), Beside.BUSY) == Cohort("a", "b", "c-busy")
