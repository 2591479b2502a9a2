"""The sessions beside a search for an idle limit: what each does in the place of silence.

Each second they break their silence in one way. Those of most kinds are held until they end or are
asked; busy and heavy ones come back, so that a limit of age or bytes is met again.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from msgspec.structs import replace as with_fields

from stresser.classify.idle_answers import BUSY_EVERY_NS, Beside, beside
from stresser.model.units import NS_PER_MS, NS_PER_S, Duration
from stresser.scenario.plan import Activity, ActivityKind
from stresser.session.route import Beat, Route, timers_for

_EVERY = Duration(BUSY_EVERY_NS)
_HEAVY_EVERY = Duration(100 * NS_PER_MS)
_TIMEOUT = Duration(10 * NS_PER_S)
_BUSY_SESSIONS, _OTHER_SESSIONS = 3, 2
_HEAVY_PONG, _HEAVY_MESSAGE, _BIG_MESSAGE = 125, 2048, 16_384
"""Bytes. A pong is as big as it may be (RFC 6455 section 5.5)."""


class Companion(NamedTuple):
    """Some sessions that do the same."""

    what: Beside
    route: Route
    sessions: int = _OTHER_SESSIONS
    comes_back: bool = False
    """When one has ended, another follows."""


def companions(route: Route) -> Iterator[Companion]:
    """All that fit the endpoint: of bare TLS nothing is known that could be sent.

    A reflector takes messages, and sends when it is asked to.
    """
    is_reflector = route.introducer is not None
    if route.request is not None:
        yield Companion(Beside.BUSY, _beating(route, Beside.BUSY), _BUSY_SESSIONS, comes_back=True)
        yield Companion(Beside.UP, _beating(route, Beside.UP, Beat()))
    keepalive = Activity(kind=ActivityKind.KEEPALIVE, every=_EVERY, timeout=_TIMEOUT)
    yield Companion(Beside.TCP_KEEPALIVE, _doing(route, Beside.TCP_KEEPALIVE, keepalive))
    if route.introducer is not None:
        down = with_fields(route.introducer, down_ms=BUSY_EVERY_NS // NS_PER_MS)
        silent = _doing(route, Beside.DOWN, Activity(kind=ActivityKind.SILENT))
        yield Companion(Beside.DOWN, replace(silent, introducer=down))
        yield Companion(Beside.ONE_BYTE, _beating(route, Beside.ONE_BYTE, Beat(1, is_message=True)))
        yield Companion(
            Beside.BIG_MESSAGE,
            _beating(route, Beside.BIG_MESSAGE, Beat(_BIG_MESSAGE, is_message=True)),
        )
    if is_reflector or route.request is not None:
        heavy = Beat(_HEAVY_MESSAGE if is_reflector else _HEAVY_PONG, is_message=is_reflector)
        for what, slower in ((Beside.HEAVY, 1), (Beside.HALF_HEAVY, 2)):
            every = Duration(slower * _HEAVY_EVERY)
            yield Companion(what, _beating(route, what, heavy, every), 1, comes_back=True)


def silent_together(route: Route) -> Route:
    """Of those that are silent while nothing else passes through their egress."""
    return _doing(route, Beside.TOGETHER, Activity(kind=ActivityKind.SILENT))


def _beating(
    route: Route, what: Beside, beat: Beat | None = None, every: Duration = _EVERY
) -> Route:
    activity = Activity(kind=ActivityKind.HEARTBEAT, every=every, timeout=_TIMEOUT)
    return replace(_doing(route, what, activity), beat=beat)


def _doing(route: Route, what: Beside, activity: Activity) -> Route:
    cohort = beside(route.cohort, what)
    named = with_fields(activity, name=what)
    return replace(route, cohort=cohort, activity=named, timers=timers_for(activity))
