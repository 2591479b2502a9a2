"""Who can act, as a sentence calls them."""

from stresser.analysis.words.remedy_row import Addressee
from stresser.analysis.words.remedy_table import ROWS


def test_each_addressee_is_asked_by_some_row():
    assert {row.whom for row in ROWS} == set(Addressee)


def test_an_addressee_reads_on_in_a_sentence():
    assert all(not one or one[0].islower() for one in Addressee)
