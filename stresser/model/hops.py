"""The hops of a flow, as values: which routers its own segments pass, and where they stop.

A hop is known by its number alone: segments sent with a TTL of 2 die at the second router, which
says so (ICMP time exceeded, RFC 792 and RFC 4443 section 3.3), or does not: then it is silent.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from stresser.model.bounds import Byte, Count, Name

MOST_HOPS = 30
"""As far as a flow is walked, as traceroute(8) does."""


class Hop(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One router on the path of what we send."""

    number: Byte
    """From 1: the router next to this host."""
    address: Name | None = None
    """From which it answered; None: it was silent."""
    rtt_ns: Count | None = None


Hops = Annotated[list[Hop], Meta(max_length=MOST_HOPS)]
"""In the order of their numbers, silent ones among them."""


class HopReading(StrEnum):
    """What two walks show beside each other."""

    STOPS_ALONE = "stops_alone"
    """It stops after a hop that a new connection passes."""
    STOPS_LIKE_ALL = "stops_like_all"
    """It stops after a hop that it passed before, and that no new connection passes either."""
    PASSES = "passes"
    """It reaches each hop that is known to answer: what ends it is behind them, or lets no answer
    come back."""
    UNDECIDED = "undecided"


class StoppedBy(StrEnum):
    """How a ClientHello is stopped."""

    RESET = "reset"
    FIN = "fin"
    SILENCE = "silence"
    NOTHING = "nothing"
    """It reaches each router that answers, or what stops it is not decided."""


class HopWalk(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a flow that ended in silence, or a ClientHello that was stopped, gets to."""

    reading: HopReading
    last: Hop | None = None
    """The last hop that it reaches; None: not even the first."""
    next: Hop | None = None
    """The first hop beyond, of those that answered the new connections, or this flow before."""
    flow: Hops = []
    """The hops that answered it now."""
    fresh: Hops = []
    """Those that answered new connections to the same address through the same egress."""
    connections: Count = 0
    """So many new connections were walked."""
    before: Hops = []
    """The hops of this flow while it was healthy, or of another to the same place."""
    many_paths: bool = False
    """The new connections, or this flow and they, met different routers at one number: the paths
    differ from flow to flow."""
    to_proxy: bool = False
    """The flow goes to a proxy: the hops are those to it."""
    hello: StoppedBy | None = None
    """Not a held flow but ClientHellos were walked, and beyond the last hop this came of them."""
