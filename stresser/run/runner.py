"""Many sessions: starts them spread over the ramp, holds them, stops them as planned."""

import gc
import random
from collections.abc import Callable, Sequence
from functools import partial

import trio

from stresser.model.events import ClockStepped, TesterLate, WitnessGap
from stresser.model.quantity import Quantity
from stresser.run.fanout import Fanout
from stresser.run.far_accounts import FarAccounts
from stresser.run.heap import keep_heap_small
from stresser.run.pace import Pace
from stresser.run.preflight import sockets_to_spare
from stresser.run.worker_share import WHOLE, WorkerShare
from stresser.scenario.plan import ActivityKind, Reconnect, Scenario
from stresser.session.chains_seen import ChainsSeen, KeepChain, keep_none
from stresser.session.fresh_connections import FreshConnections
from stresser.session.heartbeat import Heartbeats
from stresser.session.hop_walks import HopWalks
from stresser.session.internal_errors import BatchObserver, Bugs, Guarded
from stresser.session.lifecycle import keep_open
from stresser.session.local_route import LocalRoutes
from stresser.session.proof_ages import ages_of_place
from stresser.session.quiet_sessions import QuietSessions
from stresser.session.quiet_wait import QuietWait
from stresser.session.route import Route
from stresser.session.run_context import RunContext
from stresser.session.shared_silence import search_egress
from stresser.witness.clock import RunClock, SleepWitness
from stresser.witness.clock_steps import ClockSteps
from stresser.witness.fitness import Fitness
from stresser.witness.hangup import HangupWatch
from stresser.witness.loop import COLLECT_SELDOM, LoopStamp, watch_lag
from stresser.witness.packets import PacketWitness
from stresser.witness.path import PathWitness

_LOOKUPS_AT_ONCE = 512
"""Name look-ups are threads, and a hung resolver holds them for long. With trio's own 40, others
would wait for a thread and count as `timeout` in phase `resolve`: our fault, not the resolver's."""
_STARTS_A_PASS = 32
"""Places that begin before the loop looks at its sockets again: thousands at once are half a second
in which nothing is dated well."""
_NONE_LEFT = "every session has ended and none is to be replaced"


def shuffled_places(routes: Sequence[Route], count: int, share: WorkerShare = WHOLE) -> list[Route]:
    """The share of `count` places for each route, in random order: no cohort goes first."""
    places = [route for index, route in enumerate(routes) for _ in share.places(index, count)]
    random.shuffle(places)
    return places


class Runner:
    """One run. `stop` ends it as planned; `run` returns when all sessions have ended."""

    def __init__(
        self,
        scenario: Scenario,
        routes: Sequence[Route],
        clock: RunClock,
        observer: BatchObserver,
        *,
        packets: PacketWitness | None = None,
        keep_chain: KeepChain = keep_none,
        say: Callable[[str], object] = len,
        first_attempt: int = 1,
        first_session: int = 1,
        share: WorkerShare = WHOLE,
    ) -> None:
        """`say` takes what a search has learned, in sentences. A part has a scenario of its own."""
        self._scenario = scenario
        self._share = share
        self._say = say
        self._routes = routes
        self._clock = clock
        self._bugs = Bugs()
        is_ours = partial(share.owns, first=first_attempt)
        self._far = FarAccounts(routes, clock, observer, self._bugs, is_ours)
        heard = Fanout([observer, self._far]) if self._far.has_any else observer
        self._observer = Guarded(heard, self._bugs)
        self._sessions_scope = trio.CancelScope()
        self.reason: str | None = None
        """Why it ended, in words; None while it goes on."""
        self._hangups = HangupWatch(clock)
        self._quiet = QuietSessions.open(self._hangups)
        self._packets = packets
        wanted = scenario.witnesses.fresh_connections
        self._looks = FreshConnections(clock, packets) if wanted else None
        self._fitness = Fitness(clock, self._on_late)
        self._path = PathWitness(clock, self._observer.event)
        self._clock_steps = ClockSteps()
        self._walks = None
        if packets is not None and scenario.witnesses.hops:
            self._walks = HopWalks(clock, packets, self._observer.event)
        self._around = RunContext(
            clock=clock,
            observer=self._observer,
            bugs=self._bugs,
            gate=Pace(scenario.sessions),
            heartbeats=Heartbeats(clock),
            quiet=self._quiet,
            hangups=self._hangups,
            packets=packets,
            looks=self._looks,
            walks=self._walks,
            chains=ChainsSeen(keep_chain),
            sleeps=SleepWitness(),
            path=self._path,
            fitness=self._fitness,
            room_beside=sockets_to_spare(scenario, share.workers),
            local_routes=LocalRoutes(self._path),
            reflected=self._far.sessions if self._far.has_any else None,
            attempt_numbers=share.numbers(first_attempt),
            session_numbers=share.numbers(first_session),
        )

    @property
    def bugs(self) -> int:
        """How often something went wrong inside stresser itself: the run ends with exit code 4."""
        return self._bugs.count

    @property
    def bug_reports(self) -> Sequence[str]:
        """Tracebacks of the first of them, for the log."""
        return self._bugs.reports

    def stop(self, reason: str) -> None:
        """End all sessions as planned: closed in an orderly way, within `timeouts.close`."""
        if self.reason is None:
            self.reason = reason
            self._around.stop_at_s = trio.current_time()
            self._sessions_scope.cancel()

    def hand_on(self) -> None:
        """Tell all samples that are still gathered: the process is about to end."""
        self._observer.hand_on()

    async def run(self) -> None:
        """Hold sessions until the duration is over, `stop` is called, or none is left."""
        wait = QuietWait.begin(self._around, self._hangups, self._fitness)
        stamp = LoopStamp(
            self._clock,
            self._hangups,
            self._fitness,
            self._looks_of_tasks() if wait is None else [wait.after],
            None if wait is None else wait.before,
        )
        thresholds = gc.get_threshold()
        gc.set_threshold(*COLLECT_SELDOM)
        gc.freeze()  # what starting up has made stays as it is: nobody looks through it again
        trio.to_thread.current_default_thread_limiter().total_tokens = _LOOKUPS_AT_ONCE
        self._path.open()
        self._fitness.open()
        trio.lowlevel.add_instrument(stamp)
        try:
            async with trio.open_nursery() as background:
                if wait is None:
                    background.start_soon(self._around.heartbeats.run)
                    if self._quiet is not None:
                        background.start_soon(self._quiet.run)
                background.start_soon(watch_lag, self._clock, self._on_lag)
                background.start_soon(self._watch_host)
                background.start_soon(self._path.run)
                background.start_soon(self._stop_after_duration)
                background.start_soon(self._spare_collector)
                if self._looks is not None:
                    await background.start(self._looks.run)
                if self._walks is not None:
                    background.start_soon(self._walks.held.run)
                if self._packets is not None:
                    background.start_soon(self._packets.run)
                background.start_soon(keep_heap_small)
                background.start_soon(self._far.run)
                await self._hold_all()
                await self._far.settle()
                background.cancel_scope.cancel()
        finally:
            trio.lowlevel.remove_instrument(stamp)
            self._observer.hand_on()
            self._hangups.close()
            if self._quiet is not None:
                self._quiet.close()
            self._close_packets()
            self._fitness.close()
            self._path.close()
            gc.unfreeze()
            gc.set_threshold(*thresholds)

    def _looks_of_tasks(self) -> list[Callable[[], None]]:
        """What is done after each wait of trio's where tasks wait for sessions and due times."""
        beat = self._around.heartbeats.beat_due
        # A pong that is here is read before one is missed.
        return [beat] if self._quiet is None else [self._quiet.read, beat]

    async def _hold_all(self) -> None:
        sessions = self._scenario.sessions
        reconnect = sessions.reconnect if isinstance(sessions.reconnect, Reconnect) else None
        searches = [one for one in self._routes if one.activity.kind is ActivityKind.IDLE_SEARCH]
        held = [route for route in self._routes if route not in searches]
        places = shuffled_places(held, sessions.count, self._share)
        now = trio.current_time()
        with self._sessions_scope:
            async with trio.open_nursery() as nursery:
                self._around.beside = nursery
                for egress in dict.fromkeys(one.cohort.egress for one in searches):
                    through = [one for one in searches if one.cohort.egress == egress]
                    nursery.start_soon(search_egress, through, self._around, self._say)
                offsets = self._share.start_offsets_s(
                    len(places), len(held) * sessions.count, sessions.ramp.seconds
                )
                numbers = {
                    route.cohort: iter(self._share.places(index, sessions.count))
                    for index, route in enumerate(held)
                }
                for number, (route, offset) in enumerate(zip(places, offsets, strict=True)):
                    if now + offset > trio.current_time():
                        await trio.sleep_until(now + offset)
                    elif number % _STARTS_A_PASS == 0:
                        await trio.lowlevel.checkpoint()
                    own = next(numbers[route.cohort])
                    proofs = ages_of_place(route.activity, own, sessions.count)
                    nursery.start_soon(keep_open, route, self._around, reconnect, proofs)
        if self.reason is None:
            is_search = searches and not held
            self.reason = "the search is complete" if is_search else _NONE_LEFT

    def _close_packets(self) -> None:
        if self._packets is None:
            return
        self._packets.close()
        if self._packets.failure is not None:
            self._tell_gap(f"capturing stopped: {self._packets.failure}")
        if self._packets.lost:
            self._tell_gap(f"{self._packets.lost:,} packets found no room and were lost")

    def _tell_gap(self, detail: str) -> None:
        now = self._clock.now_ns()
        gap = WitnessGap(t_ns=now, utc=self._clock.utc(now), witness="packets", detail=detail)
        self._observer.event(gap)

    async def _stop_after_duration(self) -> None:
        if self._scenario.duration is not None:
            asked_ns = self._scenario.duration + self._clock.gaps_ns
            await trio.sleep_until(self._clock.trio_time(asked_ns))
            self.stop("duration")

    async def _spare_collector(self) -> None:
        # What is held from now on lives long. Looking through all of it for garbage would be
        # the largest cause of late timestamps: up to 100 ms with 10,000 sessions. A ramp leaves
        # no garbage worth that look either.
        ramp = self._scenario.sessions.ramp.seconds
        await trio.sleep(ramp + 1)
        gc.freeze()

    def _on_lag(self, due_ns: int, lag_ns: int) -> None:
        del due_ns
        self._fitness.tick()
        self._observer.hand_on()
        if self.reason is None:  # afterwards sessions are only closed, nothing is measured
            self._observer.sample(Quantity.LOOP_LAG, None, lag_ns)

    def _on_late(self, late: TesterLate) -> None:
        if self.reason is None:
            self._observer.event(late)

    async def _watch_host(self) -> None:
        while True:
            await trio.sleep(1)
            self._around.notice_sleep()
            step = self._clock_steps.look()
            if step:
                now = self._clock.now_ns()
                stepped = ClockStepped(t_ns=now, utc=self._clock.utc(now), step_ns=step)
                self._observer.event(stepped)
