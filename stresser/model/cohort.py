"""All sessions with the same endpoint, egress and activity."""

from typing import NamedTuple


class Cohort(NamedTuple):
    """Three names from the scenario. Names hold only letters, digits, `.`, `_` and `-`."""

    endpoint: str
    egress: str
    activity: str

    def __str__(self) -> str:
        return "/".join(self)
