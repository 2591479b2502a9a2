from stresser.model.cohort import Cohort
from stresser.session.surroundings import ChainBook
from tests.fakes.world import COHORT

OTHER = Cohort("broker", "direct", "heartbeat")


def test_a_chain_is_new_once_for_each_cohort():
    book = ChainBook()
    told = [book.is_new(cohort, chain) for cohort in (COHORT, OTHER) for chain in "aab"]
    assert told == [True, False, True, True, False, True]


def test_a_peer_that_makes_a_chain_for_each_session_fills_no_memory():
    book = ChainBook()
    new = sum(book.is_new(COHORT, f"{n:016x}") for n in range(30_000))
    assert 10_000 == new == len(book._seen)
    assert not book.is_new(COHORT, "one more")
