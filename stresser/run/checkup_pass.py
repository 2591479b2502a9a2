"""One pass over every way to every endpoint, all in parallel: what `stresser check` sees.

A way is tried once, and TCP and TLS at a few of its other addresses, for one family of them may
be broken alone. Where the first took no TCP connection or left the ClientHello unanswered, all is
tried at the others. Where a ClientHello hangs to the last, such as differ from it are tried. Where
TCP seems to end nearer than TLS, it is tried twice more: one measurement proves nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec
import trio
from msgspec.structs import replace as replaced

from stresser.model.checkup_facts import Asked, Checked, HttpAnswer, Leads, WayChecked
from stresser.model.cohort import Cohort
from stresser.model.ending import Kind, Phase
from stresser.model.events import AnyEvent, AttemptFailed, ChainSeen
from stresser.model.faults import DeadlinePassed, HttpRefused
from stresser.model.proxy_chosen import ProxyChosen
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS
from stresser.net.http_get import get
from stresser.net.resolve import Address
from stresser.net.source_address import has_route, is_own_address, source_towards
from stresser.net.websocket import UpgradeRequest
from stresser.run.hello_trials import TRIAL_PACE, HelloTrials, worth_trials
from stresser.run.one_hello import Trial
from stresser.run.pace import Pace
from stresser.run.routes import USER_AGENT
from stresser.scenario.endpoint import TOKENS, is_address, parse_url
from stresser.scenario.plan import Endpoint, Scenario, Sessions
from stresser.scenario.politeness import is_own
from stresser.session.attempt import Attempt
from stresser.session.ending_event import attempt_failed
from stresser.session.failover import Failover
from stresser.session.heartbeat import Heartbeats
from stresser.session.route import Route
from stresser.session.run_context import RunContext
from stresser.session.socket_at_end import SocketAtEnd
from stresser.witness.clock import RunClock
from stresser.witness.loop import LoopStamp
from stresser.witness.path import PathWitness
from stresser.witness.tunnel import link_words, tunnel_sign

WAYS_AT_ONCE = 128
"""Behind firewalls that drop, each takes its whole deadline: others must not wait for it."""
PACE = Sessions(attempts_per_second=50, attempts_per_second_per_endpoint=5, handshakes_in_flight=1)
"""However many egresses there are: a service that is not ours is asked politely."""
MOST_WAYS = 2000
_AGAIN = 2
_NEAR_TIMES = 4
_NEAR_NS = 15 * NS_PER_MS
"""TLS takes so many times as long as TCP, and so much longer: worth being measured again."""
_EARLY_END_S = 0.25
"""With TLS 1.3 a server refuses us only after the handshake (RFC 8446 section 4.4.2.4)."""
_MOST_ADDRESSES = 64
_MOST_OTHERS = 5
"""Of a service with very many addresses a few tell enough."""
_MOST_SILENCES = 3
"""Each takes its whole deadline."""
_SILENT = frozenset({Kind.TIMEOUT, Kind.SILENCE, Kind.KERNEL_TIMEOUT})
_CUT = frozenset({Kind.TCP_RESET, Kind.TCP_FIN})


class PlannedCheck(NamedTuple):
    """One way, and what is to be asked there."""

    route: Route
    endpoint: Endpoint
    is_own: bool
    get: UpgradeRequest | None
    """What to GET; None: nothing. The route then asks for no upgrade."""


def plans(
    scenario: Scenario, routes: Iterable[Route], paths: Mapping[str, str], path: str | None
) -> list[PlannedCheck]:
    """The ways of a scenario, each once whatever its activities.

    Args:
        scenario: the plan.
        routes: of `RouteBuilder`.
        paths: what to GET instead of an upgrade, by endpoint.
        path: what to GET of all others; None: nothing.
    """
    endpoints = {endpoint.name: endpoint for endpoint in scenario.endpoints}
    labs = {egress.name for egress in scenario.egresses if egress.lab is not None}
    ways = {route.cohort.pair: route for route in routes}
    return [
        _plan(route, endpoints[name], paths.get(name, path), is_lab=egress in labs)
        for (name, egress), route in ways.items()
    ]


def _plan(route: Route, endpoint: Endpoint, path: str | None, *, is_lab: bool) -> PlannedCheck:
    own = is_lab or is_own(endpoint)
    if path is None:
        return PlannedCheck(route, endpoint, own, None)
    asked = route.request
    if asked is None:
        authority = parse_url(endpoint.url).authority or route.server_name
        asked = UpgradeRequest(host=authority, target=path, headers={"User-Agent": USER_AGENT})
    request = UpgradeRequest(host=asked.host, target=path, headers=asked.headers)
    return PlannedCheck(replace(route, request=None), endpoint, own, request)


@dataclass
class _Chains:
    """Keeps what a check needs of the events that a run would record."""

    seen: dict[Cohort, ChainSeen] = field(default_factory=dict)

    def event(self, event: AnyEvent) -> None:
        """The first chain of each way."""
        if isinstance(event, ChainSeen):
            self.seen.setdefault(event.cohort, event)

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        """Times are in the attempts themselves."""


class _Tried(NamedTuple):
    route: Route
    attempt: Attempt
    http: HttpAnswer | None
    failed: AttemptFailed | None
    fault: Exception | None
    """What it failed by."""


@dataclass
class _AllTried:
    """What came of each address of a way."""

    tried: _Tried
    """The one that is open; else the last."""
    nth: int = 0
    failed: list[AttemptFailed] = field(default_factory=list)
    """The others that failed."""
    also_open: list[str] = field(default_factory=list)
    unserved: list[AttemptFailed] = field(default_factory=list)
    """By proxies that a PAC names before the one that was taken."""

    def silences(self) -> int:
        """How often a whole deadline passed."""
        last = [] if self.tried.failed is None else [self.tried.failed]
        return sum(one.ending.kind in _SILENT for one in (*self.failed, *last))


class Checkup:
    """One check. `run` may be cancelled at any time: all sockets are closed."""

    def __init__(
        self, ways: Sequence[PlannedCheck], clock: RunClock, *, tries_hellos: bool = False
    ) -> None:
        """`tries_hellos`: on every way, not only where the first handshake hangs."""
        self._ways = ways
        self._tries_hellos = tries_hellos
        self._trial_gate = Pace(TRIAL_PACE)
        self._chains = _Chains()
        self._path = PathWitness(clock, self._chains.event)
        self._stamp = LoopStamp(clock)  # endings are dated by it
        self._around = RunContext(
            clock=clock,
            observer=self._chains,
            gate=Pace(PACE),
            heartbeats=Heartbeats(clock),
        )
        self._places = trio.Semaphore(WAYS_AT_ONCE)
        self._found: dict[int, WayChecked] = {}
        self._tried: dict[int, Attempt] = {}

    async def run(self) -> Checked:
        """Try all ways; in the order in which they were given."""
        trio.to_thread.current_default_thread_limiter().total_tokens = WAYS_AT_ONCE
        self._path.open()
        trio.lowlevel.add_instrument(self._stamp)
        try:
            async with trio.open_nursery() as nursery:
                for number, plan in enumerate(self._ways):
                    nursery.start_soon(self._check, number, plan)
            async with trio.open_nursery() as nursery:
                for number in worth_trials(self._found, self._tried, asked=self._tries_hellos):
                    nursery.start_soon(self._try_hellos, number)
        finally:
            trio.lowlevel.remove_instrument(self._stamp)
            self._path.close()
        ways = [self._found[number] for number in sorted(self._found)]
        return Checked(ways=ways, has_route=has_route(), bugs=self._around.bugs.count)

    async def _check(self, number: int, plan: PlannedCheck) -> None:
        async with self._places:
            found = await self._all_addresses(plan)
            plan = plan._replace(route=found.tried.route)
            again = []
            if _seems_near(found.tried.attempt, plan):
                for _ in range(_AGAIN):
                    more = await self._once(_bare(plan), found.nth)
                    again.append(more.attempt.phases_ns)
            self._found[number] = self._way(plan, found, again)
            self._tried[number] = found.tried.attempt

    async def _try_hellos(self, number: int) -> None:
        plan, attempt = self._ways[number], self._tried[number]

        async def try_once(route: Route) -> Trial:
            bare = plan._replace(get=None, route=route)
            one = await self._once(bare, 0, self._trial_gate, asks=False)
            return Trial(one.attempt, one.failed)

        hellos, segments = await HelloTrials(attempt, plan.endpoint.alpn, try_once).run()
        self._found[number] = replaced(self._found[number], hellos=hellos, segments=segments)

    async def _served(self, plan: PlannedCheck) -> tuple[_Tried, list[AttemptFailed]]:
        """By the first of its proxies that does, and how those before it failed."""
        failover, unserved = Failover(plan.route), list[AttemptFailed]()
        while True:
            tried = await self._once(plan._replace(route=failover.next()), 0)
            if tried.fault is None or tried.failed is None:
                return tried, unserved
            if not failover.has_failed(tried.attempt, tried.fault, self._around):
                return tried, unserved
            unserved.append(tried.failed)

    async def _all_addresses(self, plan: PlannedCheck) -> _AllTried:
        """Until one address is open, all is asked of each; then TLS alone of the others."""
        tried, unserved = await self._served(plan)
        found = _AllTried(tried, unserved=unserved)
        plan = plan._replace(route=tried.route)
        for nth in _other_addresses(found.tried.attempt):
            if found.silences() >= _MOST_SILENCES:
                break
            failed = found.tried.failed
            if failed is None:
                other = await self._once(_bare(plan), nth)
                if other.failed is not None:
                    found.failed.append(other.failed)
                else:
                    found.also_open.append(str(other.attempt.dialled))
            elif _is_of_address(failed):
                found.failed.append(failed)
                found.tried, found.nth = await self._once(plan, nth), nth
            else:
                break
        return found

    async def _once(
        self, plan: PlannedCheck, nth_address: int, gate: Pace | None = None, *, asks: bool = True
    ) -> _Tried:
        around = self._around
        async with (gate or around.gate).admit(plan.route.cohort):
            attempt = Attempt(next(around.attempt_numbers), plan.route, around.clock)
            attempt.hears_answer = True
            try:
                await attempt.establish(nth_address)
                http = await _ask(plan, attempt) if asks else None
                failed = fault = None
                _say_goodbye(attempt)
            except Exception as exc:  # noqa: BLE001 - what stops one way stops no other
                look = SocketAtEnd(around.bugs.blame(exc), attempt.tap, around.clock.now_ns())
                fault = look.fault
                http, failed = _refusal(exc), attempt_failed(attempt, look, around)
            finally:
                if attempt.tap is not None:
                    attempt.tap.close()
        if asks:
            around.tell_chain(attempt)
        return _Tried(plan.route, attempt, http, failed, fault)

    def _way(self, plan: PlannedCheck, every: _AllTried, again: list[dict[str, int]]) -> WayChecked:
        tried = every.tried
        attempt, route = tried.attempt, tried.route
        address = parse_url(plan.endpoint.url)
        known = dict.fromkeys(one.host for one in attempt.found)
        return WayChecked(
            endpoint=route.cohort.endpoint,
            egress=route.cohort.egress,
            host=address.host,
            port=route.port,
            sni=None if is_address(route.server_name) else route.server_name,
            asked=_asked(plan),
            carries_token=_carries_token(route),
            is_own=plan.is_own,
            addresses=list(known)[:_MOST_ADDRESSES],
            dialled=None if attempt.dialled is None else str(attempt.dialled),
            local=attempt.local,
            remote=attempt.remote,
            proxy=attempt.proxy,
            chosen=self._chosen(route),
            unserved=every.unserved,
            proxy_headers=attempt.proxy_headers,
            resolved_by=attempt.resolved_by,
            phases_ns=attempt.phases_ns,
            again_ns=again,
            tls=attempt.tls,
            chain=self._chains.seen.get(route.cohort),
            http=tried.http,
            leads=self._leads(route, attempt.dialled),
            failed=tried.failed,
            earlier=every.failed,
            also_open=every.also_open,
        )

    def _chosen(self, route: Route) -> ProxyChosen | None:
        if route.entries is None:
            return None
        first = route.entries.first(self._around.clock)
        return msgspec.structs.replace(first, chosen=route.entries.names[route.entry])

    def _leads(self, route: Route, dialled: Address | None) -> Leads:
        if dialled is None:
            return Leads()
        source = source_towards(dialled, route.binding)
        device = route.binding.device
        link = None if device is None else self._path.link_named(device)
        if link is None and source is not None:
            link = self._path.link_with(source)
        return Leads(
            source=source,
            interface=device if link is None else link.name,
            words=None if link is None else link_words(link),
            is_tunnel=link is not None and tunnel_sign(link) is not None,
            to_itself=is_own_address(dialled),
        )


def _carries_token(route: Route) -> bool:
    sent = {} if route.request is None else route.request.headers
    return any(name.lower() in TOKENS for name in sent)


def _asked(plan: PlannedCheck) -> Asked:
    if plan.get is not None:
        return Asked.GET
    if plan.route.request is not None:
        return Asked.UPGRADE
    return Asked.TCP if plan.route.context is None else Asked.TLS


def _bare(plan: PlannedCheck) -> PlannedCheck:
    return plan._replace(get=None, route=replace(plan.route, request=None))


def _other_addresses(attempt: Attempt) -> list[int]:
    """Places of further addresses of the name, those of the other family first."""
    several = attempt.found if attempt.route.proxy is None else ()
    places = sorted(range(1, len(several)), key=lambda n: several[n].family == several[0].family)
    return places[:_MOST_OTHERS]


def _is_of_address(failed: AttemptFailed) -> bool:
    """It may be this address alone: it took no connection, or had no answer for a ClientHello.

    Whatever is an answer is the endpoint's.
    """
    ending = failed.ending
    is_unanswered = ending.kind in _SILENT or ending.kind in _CUT
    return ending.phase is Phase.CONNECT or (ending.phase is Phase.TLS and is_unanswered)


def _seems_near(attempt: Attempt, plan: PlannedCheck) -> bool:
    connect, tls = attempt.phases_ns.get("connect"), attempt.phases_ns.get("tls")
    if plan.is_own or connect is None or tls is None:
        return False
    return tls > _NEAR_TIMES * connect and tls > connect + _NEAR_NS


async def _ask(plan: PlannedCheck, attempt: Attempt) -> HttpAnswer | None:
    stream = attempt.stream
    if plan.route.request is not None or stream is None:
        return attempt.answer
    if plan.get is None:
        # A refusal would come now. Data, or nothing at all, is as good as an open session.
        with trio.move_on_after(_EARLY_END_S):
            await stream.receive_some()
        return None
    attempt.phase = Phase.UPGRADE
    limit = plan.route.timeouts.upgrade
    started = attempt.clock.now_ns()
    with trio.move_on_after(limit.seconds):
        answer = await get(stream, plan.get)
        attempt.phases_ns["get"] = attempt.clock.now_ns() - started
        return answer
    raise DeadlinePassed(Phase.UPGRADE, limit)


def _refusal(exc: Exception) -> HttpAnswer | None:
    if not isinstance(exc, HttpRefused):
        return None
    return HttpAnswer(status=exc.status, reason=exc.reason, headers=exc.headers)


def _say_goodbye(attempt: Attempt) -> None:
    if attempt.websocket is not None:
        attempt.websocket.close_nowait()
    if attempt.stream is not None:
        attempt.stream.close_notify_nowait()
