"""Sessions by what they share: endpoint and egress, and with them the activity."""

from typing import NamedTuple


class Pair(NamedTuple):
    """One endpoint through one egress."""

    endpoint: str
    egress: str


class Cohort(NamedTuple):
    """Three names from the scenario. Names hold only letters, digits, `.`, `_` and `-`."""

    endpoint: str
    egress: str
    activity: str

    @property
    def pair(self) -> Pair:
        """Its endpoint and egress."""
        return Pair(self.endpoint, self.egress)

    def __str__(self) -> str:
        return "/".join(self)
