"""At which ages one place of a silent cohort closes its sessions, to prove that they lived. Pure.

A session that sends nothing cannot be known to live, and its goodbye is the proof. Some places of a
cohort give it as the run goes on: each session twice as old as the last one that lived, so that a
limit of any length is met, and met by a young session first. The places begin at different ages
and so cover what lies between two doublings. All other places stay silent to the end.
"""

from stresser.scenario.plan import Activity

_MOST_DOUBLINGS = 4
"""From then on all are as old: what happens at one moment of a night is dated by the next proof."""


def proving_places(activity: Activity, places: int) -> int:
    """How many of a cohort's places prove: the share, rounded, but one at least."""
    if activity.prove is None:
        return 0
    return min(max(1, round(places * activity.prove_share)), places)


class ProofAges:
    """The ages of one place's sessions, one after another. Nanoseconds."""

    __slots__ = ("_doublings", "_first_ns")

    def __init__(self, prove_ns: int, place: int, places: int) -> None:
        """`place` counts from 0 among the `places` that prove."""
        self._first_ns = round(prove_ns * 2 ** (place / places))
        self._doublings = 0

    @property
    def age_ns(self) -> int:
        """How old the session that is open now is to become."""
        return self._first_ns << self._doublings

    def lived(self) -> None:
        """It did; the next one is to become twice as old."""
        self._doublings = min(self._doublings + 1, _MOST_DOUBLINGS)

    def died(self) -> None:
        """It did not become so old: a young one again."""
        self._doublings = 0


def ages_of_place(activity: Activity, place: int, places: int) -> ProofAges | None:
    """Of the place with this number in a cohort of `places`; None: its sessions stay silent."""
    proving = proving_places(activity, places)
    if activity.prove is None or place >= proving:
        return None
    return ProofAges(activity.prove, place, proving)
