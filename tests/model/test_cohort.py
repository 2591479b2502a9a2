"""A cohort is three names, shown as a path."""

from stresser.model.cohort import Cohort


def test_a_cohort_shows_its_names():
    assert str(Cohort("broker", "vpn", "heartbeat")) == "broker/vpn/heartbeat"


def test_cohorts_of_the_same_names_are_the_same():
    assert {Cohort("a", "b", "c"): 1}[Cohort("a", "b", "c")] == 1
