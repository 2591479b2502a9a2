"""At which ages a silent cohort's places prove that their sessions lived."""

import pytest

from stresser.model.units import NS_PER_S
from stresser.scenario.plan import Activity, ActivityKind
from stresser.session.proof_ages import ProofAges, ages_of_place, proving_places
from tests.fakes.world import seconds

MINUTE = 60 * NS_PER_S


def activity(prove=300, share=0.2):
    return Activity(
        name="silent",
        kind=ActivityKind.SILENT,
        prove=None if prove is None else seconds(prove),
        prove_share=share,
    )


@pytest.mark.parametrize(
    ("places", "share", "proving"),
    [(1, 0.2, 1), (2, 0.2, 1), (5, 0.2, 1), (10, 0.2, 2), (10, 0.5, 5), (10, 1, 10), (3, 0.001, 1)],
)
def test_a_share_proves_and_one_at_least(places, share, proving):
    asked = activity(share=share)
    assert proving_places(asked, places) == proving
    ages = [ages_of_place(asked, place, places) for place in range(places)]
    assert [one is not None for one in ages] == [place < proving for place in range(places)]


def test_nobody_proves_where_nothing_is_said():
    assert proving_places(activity(prove=None), 10) == 0
    assert ages_of_place(activity(prove=None), 0, 10) is None


def test_each_becomes_twice_as_old_as_the_last_that_lived_up_to_sixteen_times():
    ages = ProofAges(5 * MINUTE, 0, 1)
    seen = []
    for _ in range(7):
        seen.append(ages.age_ns // MINUTE)
        ages.lived()
    assert seen == [5, 10, 20, 40, 80, 80, 80]


def test_after_a_dead_one_a_young_one():
    ages = ProofAges(5 * MINUTE, 0, 1)
    for _ in range(3):
        ages.lived()
    ages.died()
    assert ages.age_ns == 5 * MINUTE


def test_the_places_are_staggered_over_one_doubling():
    ages = [ProofAges(100, place, 4).age_ns for place in range(4)]
    assert ages == [100, 119, 141, 168]
