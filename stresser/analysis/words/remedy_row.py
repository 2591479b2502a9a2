"""One row of what to ask whom, and who can be asked."""

from enum import StrEnum
from typing import NamedTuple

from stresser.analysis.words.obstacles import Obstacle


class Addressee(StrEnum):
    """Who can act, as a sentence calls them; empty: who reads it."""

    NETWORK = "the network team"
    PROXY = "the proxy team"
    OWNER = "who runs the endpoint"
    DNS = "whoever runs this host's DNS"
    READER = ""


class RemedyRow(NamedTuple):
    """One row. In braces: what is put in (`{hosts}`, `{alert}`, ...)."""

    obstacle: Obstacle
    seen: str
    """Completes `every attempt failed: ...`."""
    whom: Addressee
    ask: str
    """One sentence to them."""
    first: str = ""
    """What the reader can do before, or beside."""
    unproved: str = ""
    """What one attempt does not show."""
