"""One connection with a ClientHello of its own, on a way that a check has gone: what came of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from msgspec.structs import replace as changed

from stresser.model.checkup_facts import WayChecked
from stresser.model.ending import Ending, Kind, Phase
from stresser.model.events import AttemptFailed
from stresser.model.hello_tried import HelloOutcome
from stresser.model.units import NS_PER_S, Duration
from stresser.net.hello_shapes import ShapedHello
from stresser.scenario.plan import Timeouts
from stresser.session.attempt import Attempt
from stresser.session.route import Route

_SYN = 1
"""`bytes_acked` counts it."""
_WITHIN_NS = 2 * NS_PER_S
_ROUND_TRIPS = 10
_CUT = frozenset({Kind.TCP_RESET, Kind.TCP_FIN, Kind.TLS_CLOSE_NOTIFY})
_LOST = frozenset({Kind.TIMEOUT, Kind.SILENCE, Kind.KERNEL_TIMEOUT})


class Trial(NamedTuple):
    """What became of one connection."""

    attempt: Attempt
    failed: AttemptFailed | None


Try = Callable[[Route], Awaitable[Trial]]
"""Makes one connection, up to TLS."""


def trial_route(first: Attempt, made: ShapedHello, within_ns: int = _WITHIN_NS) -> Route:
    """The way of a first attempt, with another hello: to the same address, and no farther."""
    route, address = first.route, first.address
    rtt_ns = first.phases_ns.get("connect", 0)
    within = Duration(max(within_ns, _ROUND_TRIPS * rtt_ns))
    limits = route.timeouts
    return replace(
        route,
        host=route.host if address is None or route.proxy is not None else address.host,
        family=None,
        binding=changed(route.binding, max_segment=made.max_segment),
        server_name=made.server_name,
        context=made.context,
        hello=made.facts,
        request=None,
        openings=(),
        introducer=None,
        withhold_secret=False,
        timeouts=Timeouts(
            resolve=limits.resolve,
            connect=min(limits.connect, within),
            proxy=limits.proxy,
            tls=min(limits.tls, within),
        ),
    )


def may_hinder(way: WayChecked) -> bool:
    """Nothing answered a ClientHello, or somebody cut it off, or what was sent next was lost."""
    if way.failed is None or way.is_own:
        return False
    ending = way.failed.ending
    info = ending.evidence.tcp_info
    if ending.phase is Phase.TLS:
        return ending.kind in _LOST or ending.kind in _CUT
    was_lost = ending.kind in _LOST and info is not None and info.unacked > 0
    return ending.phase is Phase.UPGRADE and was_lost


def outcome_of(trial: Trial) -> HelloOutcome:
    """What came of it."""
    if trial.failed is None:
        return HelloOutcome.STOOD
    ending = trial.failed.ending
    if ending.phase is not Phase.TLS:
        return HelloOutcome.UNKNOWN
    if ending.kind is Kind.TLS_ALERT:
        return HelloOutcome.ALERT
    if ending.kind in _CUT:
        return HelloOutcome.CUT
    return HelloOutcome.LOST if ending.kind in _LOST else HelloOutcome.UNKNOWN


def acknowledged(trials: Sequence[Trial]) -> int | None:
    """Of those that failed: the most bytes of the hello that TCP acknowledged."""
    endings = [one.failed.ending for one in trials if one.failed is not None]
    return max((known for one in endings if (known := _of_hello(one)) is not None), default=None)


def _of_hello(ending: Ending) -> int | None:
    info = ending.evidence.tcp_info
    if info is None or info.bytes_acked is None:
        return None
    return max(info.bytes_acked - _SYN, 0)
