"""Keeps one session of a cohort open: attempt, hold, ending, back-off, again."""

import random
from dataclasses import dataclass

import trio

from stresser.model.events import SessionOpened
from stresser.model.faults import Fault, Planned
from stresser.model.quantity import Quantity
from stresser.model.scenario import Reconnect
from stresser.session.attempt import Attempt
from stresser.session.held import HeldSession
from stresser.session.obituary import LastLook, attempt_failed, session_ended
from stresser.session.route import Route
from stresser.session.surroundings import Surroundings


@dataclass(slots=True)
class _Past:
    """What one place in a cohort remembers from one attempt to the next."""

    failures: int = 0
    """Attempts that failed since the last opening."""
    session: int | None = None
    """The session that the next one replaces."""
    ended_ns: int = 0


async def keep_open(
    route: Route, around: Surroundings, start_s: float, reconnect: Reconnect | None
) -> None:
    """Hold a session from `start_s` (trio time) on, replacing it whenever it ends.

    Returns when it ended and `reconnect` is None. Being cancelled is the plan's stop: the
    session is closed in an orderly way and its ending recorded as planned.
    """
    past = _Past()
    await trio.sleep_until(start_s)
    while True:
        session = await _open(route, around, past)
        if session is not None:
            await _hold(session, around, past)
        if reconnect is None:
            return
        await trio.sleep(back_off_s(reconnect, past.failures))


def back_off_s(reconnect: Reconnect, failures: int) -> float:
    """Seconds to wait before the next attempt: exponential, with jitter.

    After a session that was open the first wait applies again.
    """
    doublings = min(max(0, failures - 1), 32)
    wait: float = min(reconnect.initial.seconds * 2**doublings, reconnect.max.seconds)
    return wait * random.uniform(1 - reconnect.jitter, 1 + reconnect.jitter)  # noqa: S311 - jitter


async def _open(route: Route, around: Surroundings, past: _Past) -> HeldSession | None:
    async with around.gate.admit(route.cohort):
        number = next(around.attempt_numbers)
        attempt = Attempt(number, route, around.clock, around.hangups)
        try:
            await attempt.establish(past.failures)
        except trio.Cancelled:
            _record_failure(attempt, Planned("the run ended"), around)
            raise
        except (Fault, OSError, trio.BrokenResourceError) as exc:
            past.failures += 1
            _record_failure(attempt, exc, around)
            return None
    past.failures = 0
    session = HeldSession(next(around.session_numbers), attempt, around.observer)
    _tell_opened(session, attempt, around, past)
    return session


def _record_failure(attempt: Attempt, exc: Exception, around: Surroundings) -> None:
    look = LastLook(exc, attempt.tap, around.clock.now_ns())
    if attempt.tap is not None:
        attempt.tap.close()
    around.tell_chain(attempt)
    _sample_phases(attempt, around)
    around.observer.event(attempt_failed(attempt, look, around))


def _sample_phases(attempt: Attempt, around: Surroundings) -> None:
    for phase, duration in attempt.phases_ns.items():
        around.observer.sample(Quantity(phase), attempt.route.cohort, duration)


def _tell_opened(session: HeldSession, attempt: Attempt, around: Surroundings, past: _Past) -> None:
    assert attempt.tls is not None  # noqa: S101 - an established attempt has shaken hands
    around.tell_chain(attempt)
    _sample_phases(attempt, around)
    recovery = None if past.session is None else session.opened_ns - past.ended_ns
    if recovery is not None:
        around.observer.sample(Quantity.RECOVERY, session.cohort, recovery)
    around.observer.event(
        SessionOpened(
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
            tls=attempt.tls,
            subprotocol=attempt.subprotocol,
            replaces=past.session,
            recovery_ns=recovery,
        )
    )


async def _hold(session: HeldSession, around: Surroundings, past: _Past) -> None:
    if session.every_ns:
        around.heartbeats.add(session.next_due_ns, session)
    try:
        fault = await session.hold()
    except trio.Cancelled:
        await _end_as_planned(session, around)
        raise
    look = LastLook(fault, session.tap, around.clock.now_ns())
    past.session, past.ended_ns = session.number, look.at_ns
    with trio.CancelScope(shield=True):  # a death that was seen is recorded, come what may
        async with around.after_death:
            session.tap.close()
            around.observer.event(session_ended(session, look, around))


async def _end_as_planned(session: HeldSession, around: Surroundings) -> None:
    stop_s = around.stop_at_s if around.stop_at_s is not None else trio.current_time()
    look = LastLook(Planned("the run ended"), session.tap, around.clock.since_start(stop_s))
    with trio.CancelScope(shield=True):
        async with around.after_death:  # thousands stop at once: a few in each pass of the loop
            event = session_ended(session, look, around)
            session.begin_close()
        event.evidence["close"] = await session.finish_close(stop_s + session.close_timeout_s)
        event.pongs = session.pongs  # one may have been on its way when the run stopped
        session.tap.close()
    around.observer.event(event)
