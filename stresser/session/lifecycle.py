"""Keeps one session of a cohort open: attempt, hold, ending, back-off, again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import trio
from msgspec.structs import replace

from stresser.classify.errno_table import is_silent
from stresser.model.cohort import Cohort
from stresser.model.ending import Ending, Proof
from stresser.model.events import AnyEvent, AttemptFailed, Observer, SessionEnded, SessionOpened
from stresser.model.faults import NoPong, Planned
from stresser.model.quantity import BEFORE_STEPS, PROXY_STEPS, Quantity
from stresser.scenario.plan import Reconnect
from stresser.session.attempt import Attempt
from stresser.session.await_evidence import hear_of_attempt, hear_witnesses
from stresser.session.ending_event import attempt_failed, session_ended
from stresser.session.failover import Failover
from stresser.session.held import HeldSession
from stresser.session.one_way_beats import OneWayBeats
from stresser.session.planned_close import PlannedClose, close_as_planned
from stresser.session.proof_ages import ProofAges
from stresser.session.retry_after import back_off_s, retry_after_s
from stresser.session.route import Route
from stresser.session.run_context import RunContext
from stresser.session.seat_events import SeatEvents
from stresser.session.socket_at_end import SocketAtEnd
from stresser.session.spoken_session import held_session

_WITNESSES_WITHIN_S = 60


@dataclass(slots=True)
class _Past:
    """What one place in a cohort remembers from one attempt to the next."""

    told: SeatEvents
    failures: int = 0
    """Attempts that failed since the last opening."""
    session: int | None = None
    """The session that the next one replaces."""
    ended_ns: int | None = None
    """When that one's end was detected; None: the plan replaced it."""
    stopped_s: float = 0.0
    """When the last attempt or session stopped (trio time): waits count from there."""
    asked_to_wait_s: float = 0
    """What the last refusal asked for in its Retry-After."""
    proofs: ProofAges | None = None
    """When its sessions are closed to prove that they lived; None: they are held to the end."""
    is_replacing: bool = False
    """The last session was closed for its proof, and lived."""
    failover: Failover | None = None
    goes_on: bool = False
    """The last attempt failed by its proxy: the next one takes another at once."""


async def keep_open(
    route: Route,
    around: RunContext,
    reconnect: Reconnect | None,
    proofs: ProofAges | None = None,
) -> None:
    """Hold a session, replacing it whenever it ends, and whenever it is closed for a proof.

    Returns when it ended otherwise and `reconnect` is None. Being cancelled is the plan's stop: the
    session is closed in an orderly way and its ending recorded as planned.
    """
    past = _Past(SeatEvents(around.observer), proofs=proofs)
    while True:
        await trio.lowlevel.checkpoint_if_cancelled()  # a run that stopped begins nothing
        past.is_replacing = past.goes_on = False
        try:
            await _live(route, around, past)
        except Exception as exc:  # noqa: BLE001 - `contained()` would be held as long as the session
            around.bugs.note(exc)
        if past.is_replacing or past.goes_on:
            continue
        if reconnect is None:
            return
        wait_s = max(back_off_s(reconnect, past.failures), past.asked_to_wait_s)
        await trio.sleep_until(past.stopped_s + wait_s)


async def hold_until_asked(
    route: Route, around: RunContext, age_ns: int, attempts: int
) -> Ending | None:
    """Hold one session to an age, then ask it whether it lives, by closing it.

    How it ended, then or before; None: so many `attempts` failed. Being cancelled is the plan's
    stop, as in `keep_open`.
    """
    listener = _Listener(around.observer)
    past = _Past(SeatEvents(listener), proofs=ProofAges(age_ns, 0, 1))
    while attempts:
        await trio.lowlevel.checkpoint_if_cancelled()
        past.goes_on = False
        try:
            await _live(route, around, past)
        except Exception as exc:  # noqa: BLE001 - as in `keep_open`
            around.bugs.note(exc)
        if past.session is not None:
            with trio.move_on_after(_WITNESSES_WITHIN_S):  # they may be awaited beside this
                await listener.has_ended.wait()
            break
        if not past.goes_on:
            attempts -= 1
            await trio.sleep(max(back_off_s(Reconnect(), past.failures), past.asked_to_wait_s))
    return listener.ending


class _Listener:
    """An observer who passes all on, and hears how a session ended."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.ending: Ending | None = None
        self.has_ended = trio.Event()

    def event(self, event: AnyEvent) -> None:
        """Something happened."""
        self._observer.event(event)
        if isinstance(event, SessionEnded):
            self.ending = event.ending
            self.has_ended.set()

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        """A duration was measured."""
        self._observer.sample(quantity, cohort, value_ns)


async def _live(route: Route, around: RunContext, past: _Past) -> None:
    # A function of its own: what has ended must not be kept until the next one is open.
    session = await _open(route, around, past)
    if session is not None:
        await _hold(session, around, past)


async def _open(route: Route, around: RunContext, past: _Past) -> HeldSession | None:
    async with around.gate.admit(route.cohort):
        number = next(around.attempt_numbers)
        past.failover = past.failover or Failover(route)
        taken = past.failover.next()
        attempt = Attempt(number, taken, around.clock, around.hangups, around.packets)
        try:
            await attempt.establish(past.failures)
            session = held_session(next(around.session_numbers), attempt, around)
            opened = _opened(session, attempt, around, past)
        except trio.Cancelled:
            failed = SocketAtEnd(Planned("the run ended"), attempt.tap, around.clock.now_ns())
            past.told.event(_failure(attempt, failed, around))
            raise
        except Exception as exc:  # noqa: BLE001 - a bug ends this attempt and nobody else's
            past.stopped_s = trio.current_time()
            past.asked_to_wait_s = retry_after_s(exc, around.clock)
            failed = SocketAtEnd(around.bugs.blame(exc), attempt.tap, around.clock.now_ns())
            past.goes_on = past.failover.has_failed(attempt, failed.fault, around)
            past.failures += not past.goes_on
        else:
            _learn(session, around, past)
            past.failover.has_opened(attempt, around)
            past.told.event(opened)
            return session
    heard = partial(hear_of_attempt, attempt, failed, around)
    await _tell(heard, partial(_failure, attempt, failed, around), around, past)
    return None


def _learn(session: HeldSession, around: RunContext, past: _Past) -> None:
    past.failures, past.asked_to_wait_s = 0, 0
    if around.reflected is not None and session.destination.route.introducer is not None:
        around.reflected[session.attempt] = session
    if session.siblings is not None:
        activity = session.cohort.activity
        session.siblings.opened(session.number, activity, session.connected_ns, session.opened_ns)
    around.local_routes.learn(session.local, session.dialled, session.destination.route.binding)
    if around.walks is not None:
        around.walks.held.opened(session)
    if around.looks is not None and not around.looks.has_just_learned(session.destination.pair):
        around.looks.learn(session.destination._replace(usual_ttl=_ttl_of_peer(session, around)))


def _ttl_of_peer(session: HeldSession, around: RunContext) -> int | None:
    if around.packets is None:
        return None
    answer = around.packets.seen(session.local, str(session.dialled)).syn_ack
    return None if answer is None else answer.ttl


async def _tell(
    hear: Callable[[], Awaitable[None]],
    write: Callable[[], AnyEvent | None],
    around: RunContext,
    past: _Past,
) -> None:
    """Hear the witnesses of what stopped, then tell it. Meanwhile its place is filled again."""
    late = past.told.reserve()

    async def tell() -> None:
        try:
            await hear()
        finally:
            with trio.CancelScope(shield=True):  # what ended before the stop is told, come what may
                async with around.after_ending:
                    past.told.settle(late, write())

    await around.do_beside(tell)


def _failure(attempt: Attempt, look: SocketAtEnd, around: RunContext) -> AttemptFailed | None:
    with around.bugs.contained():
        around.tell_chain(attempt)
        around.tell_addresses(attempt)
        _sample_phases(attempt, around)
    event = _written(partial(attempt_failed, attempt), look, around)
    if attempt.tap is not None:
        attempt.tap.close()
    return event


E = TypeVar("E", AttemptFailed, SessionEnded)


def _written(
    write: Callable[[SocketAtEnd, RunContext], E], look: SocketAtEnd, around: RunContext
) -> E | None:
    """The event of an ending. Where writing it meets a bug, that is the ending.

    It is then written without the packets: what is in memory that the kernel writes may be the bug.
    """
    try:
        return write(look, around)
    except Exception as exc:  # noqa: BLE001 - every attempt and session gets its ending
        look.fault = around.bugs.blame(exc)
    with around.bugs.contained():
        return write(look, around.without_packets())
    return None


def _sample_phases(attempt: Attempt, around: RunContext) -> None:
    for phase, duration in attempt.phases_ns.items():
        around.observer.sample(Quantity(phase), attempt.route.cohort, duration)
    for quantity, steps in ((Quantity.PROXY, PROXY_STEPS), (Quantity.BEFORE, BEFORE_STEPS)):
        if steps[-1] in attempt.phases_ns:
            whole = sum(attempt.phases_ns.get(step, 0) for step in steps)
            around.observer.sample(quantity, attempt.route.cohort, whole)


def _opened(
    session: HeldSession, attempt: Attempt, around: RunContext, past: _Past
) -> SessionOpened:
    around.tell_chain(attempt)
    around.tell_addresses(attempt)
    _sample_phases(attempt, around)
    recovery = None if past.ended_ns is None else session.opened_ns - past.ended_ns
    if recovery is not None:
        around.observer.sample(Quantity.RECOVERY, session.cohort, recovery)
    return SessionOpened(
        t_ns=session.opened_ns,
        utc=around.clock.utc(session.opened_ns),
        endpoint=session.cohort.endpoint,
        egress=session.cohort.egress,
        activity=session.cohort.activity,
        session=session.number,
        attempt=attempt.number,
        phases_ns=attempt.phases_ns,
        local=session.local,
        remote=session.remote,
        proxy=session.proxy,
        resolved_by=attempt.resolved_by,
        hello=attempt.client_hello,
        tls=attempt.tls,
        subprotocol=attempt.subprotocol,
        replaces=past.session,
        recovery_ns=recovery,
    )


async def _hold(session: HeldSession, around: RunContext, past: _Past) -> None:
    try:
        fault = await _until_asked(session, around, past.proofs)
    except trio.Cancelled:
        past.told.event(await _end_as_planned(session, around, _RUN_ENDED))
        raise
    if fault is None:
        await _prove(session, around, past)
        return
    if past.proofs is not None:
        past.proofs.died()
    look = SocketAtEnd(fault, session.tap, around.clock.now_ns())
    past.session, past.ended_ns = session.number, look.at_ns
    past.stopped_s = trio.current_time()
    if session.siblings is not None:
        session.siblings.ended(session.number, None if _was_silent(fault) else look.at_ns)
    heard = partial(hear_witnesses, session, look, around)
    await _tell(heard, partial(_ended, session, look, around), around, past)


def _ended(session: HeldSession, look: SocketAtEnd, around: RunContext) -> SessionEnded | None:
    session.tap.close()
    return _written(partial(session_ended, session), look, around)


async def _until_asked(
    session: HeldSession, around: RunContext, proofs: ProofAges | None
) -> Exception | None:
    """What ended it; None: it is as old as it was to become."""
    if proofs is None:
        return await _until_it_ends(session, around)
    with trio.move_on_at(around.clock.trio_time(session.opened_ns + proofs.age_ns)):
        return await _until_it_ends(session, around)
    return None


async def _prove(session: HeldSession, around: RunContext, past: _Past) -> None:
    """Close it: what comes back proves that it lived, or that it was dead: that is a drop."""
    event = await _end_as_planned(session, around, _TO_PROVE)
    past.told.event(event)
    ending = None if event is None else event.ending
    past.session, past.stopped_s = session.number, trio.current_time()
    past.is_replacing = ending is None or ending.planned
    past.ended_ns = None if ending is None or ending.planned else ending.detected_at_ns
    if past.proofs is not None:
        (past.proofs.lived if past.is_replacing else past.proofs.died)()
    if session.siblings is not None:
        was_heard = ending is not None and ending.proved is Proof.ALIVE
        session.siblings.ended(session.number, around.clock.now_ns() if was_heard else None)


def _was_silent(fault: Exception) -> bool:
    return isinstance(fault, NoPong) or is_silent(fault)


async def _until_it_ends(session: HeldSession, around: RunContext) -> Exception:
    beat = session.destination.route.beat
    beating = session if beat is None else OneWayBeats(session, beat)
    ticket = around.heartbeats.add(session.next_due_ns, beating) if session.every_ns else None
    try:
        return await session.hold(
            around.quiet if ticket is not None and beating is session else None
        )
    except Exception as exc:  # noqa: BLE001 - a bug ends this session and nobody else's
        return around.bugs.blame(exc)
    finally:
        if ticket is not None:
            around.heartbeats.remove(ticket)
        if around.walks is not None and session.on_answer is not None:
            around.walks.held.ended(session)


_RUN_ENDED = Planned("the run ended")
_TO_PROVE = Planned("closed to prove that it lived")


async def _end_as_planned(
    session: HeldSession, around: RunContext, why: Planned
) -> SessionEnded | None:
    """How it ended: as planned, or found dead. None: a bug of ours, which is noted."""
    stop_s = around.stop_at_s if around.stop_at_s is not None else trio.current_time()
    # One may have opened in the very pass in which the run began to stop.
    at_ns = max(session.opened_ns, around.clock.since_start(stop_s))
    look = SocketAtEnd(why, session.tap, at_ns)
    closed = PlannedClose("unanswered", Proof.UNPROVED, None)
    with trio.CancelScope(shield=True):
        async with around.after_ending:  # thousands stop at once: a few in each pass of the loop
            event = _written(partial(session_ended, session), look, around)
            with around.bugs.contained():
                session.begin_close()
        with around.bugs.contained():
            deadline_s = stop_s + session.close_timeout_s
            closed = await close_as_planned(session, look, deadline_s)
        if closed.dead is not None:
            async with around.after_ending:
                look = SocketAtEnd(closed.dead, session.tap, closed.dead.at_ns)
                event = _written(partial(session_ended, session), look, around)
        elif around.packets is not None:
            around.packets.forget(session.local, str(session.dialled))
        session.tap.close()
    if event is None:
        return None
    ending = event.ending
    proved = closed.proof if ending.planned else ending.proved
    evidence = replace(ending.evidence, close=closed.took)
    event.ending = replace(ending, evidence=evidence, proved=proved)
    event.pongs = session.pongs  # one may have been on its way when the run stopped
    event.replaced = ending.planned and why is _TO_PROVE
    return event
