"""How sessions of one cohort reach their endpoint: the scenario, made ready to use."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from stresser.model.client_hello import HelloFacts
from stresser.model.clocks import Clock, Hangups
from stresser.model.cohort import Cohort
from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.net.dial import Binding, TcpTimers, dial
from stresser.net.mqtt import MqttLogin
from stresser.net.proxy import ProxyHop
from stresser.net.reflector_hello import Introducer
from stresser.net.resolve import Address
from stresser.net.tap import Tap
from stresser.net.tls import ClientContext, context_for
from stresser.net.trust import ChainJudge
from stresser.net.websocket import UpgradeRequest
from stresser.scenario.plan import BEATING, Activity, ActivityKind, Timeouts
from stresser.scenario.secrets import Secret
from stresser.session.opening import OpeningLine
from stresser.session.proxy_entries import ProxyEntries
from stresser.session.request_before import RequestBefore
from stresser.session.spoken_beat import SpokenBeat, spoken_beat


async def connect_tcp(
    address: Address, binding: Binding, clock: Clock, hangups: Hangups | None
) -> Tap:
    """One TCP connection to one address.

    Raises:
        OSError: as `net.dial.dial`.
    """
    return Tap(await dial(address, binding), clock, hangups)


Connect: TypeAlias = Callable[[Address, Binding, Clock, Hangups | None], Awaitable[Tap]]


class Beat(NamedTuple):
    """What a beat sends in the place of a ping."""

    size: int = 0
    """Bytes; of a pong at most 125."""
    is_message: bool = False
    """A message, or so many bytes of `tls`, for a reflector, which sends them back; else a pong
    that answers nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Shared by all sessions of a cohort."""

    cohort: Cohort
    host: str
    """Name or address to dial, or to ask a proxy for; a lab middlebox's address where the egress
    is one."""
    family: int | None = None
    """Of its addresses, those of this family alone (`socket.AF_INET6`); None: any."""
    port: int
    binding: Binding
    """Of the socket, whether it goes to the endpoint or to a proxy."""
    proxy: ProxyHop | None = None
    """None: directly."""
    entries: ProxyEntries | None = None
    """All that a PAC names, `proxy` among them; None: no PAC was asked."""
    entry: int = 0
    """Which of them `proxy` is."""
    server_name: str
    """Sent as SNI, and what the chain must be for."""
    context: ClientContext | None
    """None: there is no TLS."""
    hello: HelloFacts | None = None
    """What its ClientHello is; None: not known."""
    judge: ChainJudge
    request: UpgradeRequest | None
    """None: `tls` or `tcp`, held with nothing sent."""
    before: RequestBefore | None = None
    """What is asked before each session; its request has gaps then."""
    openings: tuple[OpeningLine, ...] = ()
    """What is said first, once the upgrade is accepted."""
    secrets: tuple[Secret, ...] = ()
    """What is never recorded, though the endpoint may repeat it."""
    introducer: Introducer | None = None
    """The endpoint is a reflector, to which sessions name themselves."""
    withhold_secret: bool = False
    """Request or first messages carry a secret that only a chain that verifies may see."""
    activity: Activity
    timeouts: Timeouts
    beat: Beat | None = None
    """None: pings."""
    timers: TcpTimers | None = None
    """The kernel's own, set on each socket; None: left as they are."""
    mqtt: MqttLogin | None = None
    """The endpoint is a broker, and this cohort's heartbeat is MQTT's."""
    spoken: SpokenBeat | None = field(init=False, default=None)
    """What is said beside pings, or in their place; it follows from the activity."""
    connect: Connect = connect_tcp
    """Makes the transport; in tests of long lives it is one in memory."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "spoken", spoken_beat(self.activity))

    @property
    def heartbeat(self) -> bool:
        """It beats: a session without WebSocket cannot carry pings and is held silent."""
        can_beat = any(way is not None for way in (self.request, self.beat, self.mqtt))
        return self.activity.kind in BEATING and can_beat

    @property
    def contexts(self) -> Iterator[ClientContext]:
        """Of all TLS that its sessions speak: with the endpoint, and with an `https://` proxy."""
        if self.context is not None:
            yield self.context
        for hop in [self.proxy] if self.entries is None else self.entries.hops:
            if hop is not None and hop.tls is not None:
                yield context_for(hop.tls)

    def through_entry(self, entry: int) -> "Route":
        """The same through another of the proxies that a PAC names."""
        if self.entries is None or entry == self.entry:
            return self
        return replace(self, proxy=self.entries.hops[entry], entry=entry)


_JUDGE_FIRST_NS = 5 * NS_PER_S
"""The kernel gives up so long after stresser has: an overdue pong is reported as what it is."""
_QUIET_NS = 60 * NS_PER_S
_PROBES = 4
_LONGEST_MS = 2**31 - 1
"""The option is an int."""


def timers_for(activity: Activity) -> TcpTimers:
    """How the kernel is set for sessions of an activity.

    With TCP_USER_TIMEOUT set, keepalive gives up when the connection has been idle for that
    long and a probe is out (net/ipv4/tcp_timer.c, tcp_keepalive_timer): it must hold the idle
    time as well.
    """
    if activity.kind in {ActivityKind.SILENT, ActivityKind.IDLE_SEARCH}:
        return TcpTimers(user_timeout_ms=_ms(_QUIET_NS))
    if activity.kind in BEATING:
        return TcpTimers(user_timeout_ms=_ms(activity.timeout + _JUDGE_FIRST_NS))
    return TcpTimers(
        user_timeout_ms=_ms(activity.every + activity.timeout),
        keep_idle_s=max(1, round(activity.every.seconds)),
        keep_interval_s=max(1, round(activity.timeout.seconds / _PROBES)),
    )


def _ms(ns: int) -> int:
    return min(ns // NS_PER_MS, _LONGEST_MS)
