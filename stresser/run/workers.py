"""The workers of a run as one: begins them, hears what they tell, stops them, reports who died.

What a worker's files have, the run's own lack: the recorder hears only what concerns the run, the
live view and the metrics hear all.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

import trio
from msgspec.structs import replace

from stresser.model.errors import RunFolderError
from stresser.model.events import AnyEvent, WorkerEnded
from stresser.record.event_lines import event_of_line
from stresser.record.folder import RunFolder
from stresser.record.manifest import Gap
from stresser.run.host_watch import HostWatch
from stresser.run.lost_sessions import LeftBehind, left_behind, lost_session, sessions_alone
from stresser.run.worker_messages import ForceWord, Goodbye, Note, Order, Progress, Ready, StopWord
from stresser.run.worker_process import WorkerProcess
from stresser.session.internal_errors import BatchObserver, Bugs, Guarded
from stresser.witness.clock import RunClock

_FORCED_WITHIN_S: Final = 3.0
_ENDS_WITHIN_S: Final = 120.0
"""Beyond `timeouts.close`: witnesses of endings are awaited for a minute, a slow disk for ten s."""
_KILLED_WITHIN_S: Final = 1.0
_LOOK_EVERY_S: Final = 0.01
_EVENTS_A_PASS: Final = 100
_ALL_DIED = "every worker has died"


class Workers:
    """Holds the sessions of a run as a `Runner` does, in processes of their own."""

    def __init__(
        self,
        processes: Sequence[WorkerProcess],
        orders: Sequence[Order],
        clock: RunClock,
        observer: BatchObserver,
        watching: BatchObserver,
        warn: Callable[[str], object],
        duration_ns: int | None,
    ) -> None:
        """`observer` hears what concerns the run, `watching` what the workers have recorded."""
        self._processes = processes
        self._orders = orders
        self._clock = clock
        self._since_ns = 0
        self._observer = observer
        self._watching = watching
        self._warn = warn
        self._duration_ns = duration_ns
        self._stopping = trio.Event()
        self._told: dict[int, int] = {}
        """Lines of its file that each has told of."""
        self._last_reason = _ALL_DIED
        """What the last who took leave said of its own end."""
        self._gaps: list[Gap] = []
        self.reason: str | None = None
        """Why it ended, in words; None while it goes on."""
        self._own_bugs = Bugs()
        self._host = HostWatch(clock, Guarded(observer, self._own_bugs))

    @property
    def bugs(self) -> int:
        """How often something went wrong inside stresser itself, here and in the workers."""
        return self._own_bugs.count

    @property
    def bug_reports(self) -> Sequence[str]:
        """Tracebacks of the first of them, for the log."""
        return self._own_bugs.reports

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers, in the order of their numbers."""
        return [process.pid for process in self._processes]

    def gap_with(self, own: Gap | None) -> Gap | None:
        """What was not recorded, by the run's process and by all workers."""
        gaps = [*([] if own is None else [own]), *self._gaps]
        if not gaps:
            return None
        return replace(
            min(gaps, key=lambda gap: gap.since_t_ns),
            events=sum(gap.events for gap in gaps),
            samples=sum(gap.samples for gap in gaps),
        )

    def stop(self, reason: str) -> None:
        """End all sessions as planned."""
        if self.reason is None:
            self.reason = reason
            self._stopping.set()

    async def run(self) -> None:
        """Hold sessions until the duration is over, `stop` is called, or no worker is left."""
        self._since_ns = self._clock.now_ns()
        async with trio.open_nursery() as background:
            background.start_soon(self._host.run)
            background.start_soon(self._stop_after_duration)
            for process in self._processes:
                background.start_soon(process.read_errors)
            async with trio.open_nursery() as nursery:
                for process, order in zip(self._processes, self._orders, strict=True):
                    nursery.start_soon(self._held_by, process, order)
            background.cancel_scope.cancel()
        if self.reason is None:
            self.reason = self._last_reason

    def force(self) -> None:
        """End all workers now; blocks, needs no loop. Their folders read."""
        for process in self._processes:
            process.link.send_now(ForceWord())
        for process in self._left_after(_FORCED_WITHIN_S):
            process.kill()
        self._left_after(_KILLED_WITHIN_S)

    def _left_after(self, seconds: float) -> list[WorkerProcess]:
        until = time.monotonic() + seconds
        while left := [process for process in self._processes if not process.has_ended()]:
            if time.monotonic() > until:
                break
            time.sleep(_LOOK_EVERY_S)
        return left

    async def _stop_after_duration(self) -> None:
        if self._duration_ns is not None:
            asked_ns = self._duration_ns + self._clock.gaps_ns
            await trio.sleep_until(self._clock.trio_time(asked_ns))
            self.stop("duration")

    async def _held_by(self, process: WorkerProcess, order: Order) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._command, process, order)
            nursery.start_soon(self._end_in_time, process, order)
            goodbye = await self._hear(process)
            nursery.cancel_scope.cancel()
        if goodbye is None:
            await self._bury(process, order)
        else:
            self._take_leave(process, goodbye)

    async def _command(self, process: WorkerProcess, order: Order) -> None:
        await process.link.send(order)
        await self._stopping.wait()
        await process.link.send(StopWord(reason=self.reason or ""))

    async def _end_in_time(self, process: WorkerProcess, order: Order) -> None:
        """A worker that is told to stop and does not is ended: the others are to be summed up."""
        await self._stopping.wait()
        await trio.sleep(order.scenario.timeouts.close.seconds + _ENDS_WITHIN_S)
        self._warn(f"worker {process.number} does not end, and is killed")
        process.kill()

    async def _hear(self, process: WorkerProcess) -> Goodbye | None:
        while True:
            match await process.link.receive():
                case Progress() as progress:
                    await self._pass_on(process, progress)
                case Note(text=text):
                    self._warn(f"worker {process.number}: {text}")
                case Goodbye() as goodbye:
                    return goodbye
                case Ready():
                    pass
                case None:
                    return None

    async def _pass_on(self, process: WorkerProcess, progress: Progress) -> None:
        for durations in progress.durations:
            with self._own_bugs.contained():  # a bug of the live view is not the sessions'
                quantity, cohort, values_ns = (
                    durations.quantity,
                    durations.cohort,
                    durations.values_ns,
                )
                self._watching.samples(quantity, cohort, values_ns)
        lines = progress.lines.splitlines()
        self._told[process.number] = progress.lines_before + len(lines)
        events: list[AnyEvent] = []
        for line in lines:
            with self._own_bugs.contained():
                events.append(event_of_line(line))
        await self._tell(self._watching, sessions_alone(events))

    async def _tell(self, observer: BatchObserver, events: Iterable[AnyEvent]) -> None:
        for number, event in enumerate(events):
            with self._own_bugs.contained():
                observer.event(event)
            if number % _EVENTS_A_PASS == 0:
                await trio.lowlevel.checkpoint()

    def _take_leave(self, process: WorkerProcess, goodbye: Goodbye) -> None:
        self._last_reason = goodbye.reason
        self._own_bugs.count += goodbye.bugs
        self._report(process, *goodbye.bug_reports)
        if goodbye.gap is not None:
            self._gaps.append(goodbye.gap)
            self.stop("recording stopped")

    async def _bury(self, process: WorkerProcess, order: Order) -> None:
        """A worker is gone without a word: say so, and end its sessions in its place."""
        seen_ns = self._clock.now_ns()
        how = await process.gone()
        if process.met_a_bug:
            self._own_bugs.count += 1
            self._report(process, f"{how}\n{process.last_words}")
        left = await self._left_behind(process, order)
        ended = WorkerEnded(
            t_ns=seen_ns,
            utc=self._clock.utc(seen_ns),
            worker=process.number,
            workers=order.workers,
            how=how,
            sessions=len(left.open),
        )
        with self._own_bugs.contained():
            self._observer.event(ended)
        self._warn(f"worker {process.number} died ({how}); {len(left.open)} sessions with it")
        await self._tell(self._watching, left.untold)
        lost = (lost_session(one, how, left.alive_ns, seen_ns, self._clock) for one in left.open)
        await self._tell(self._observer, lost)

    def _report(self, process: WorkerProcess, *texts: str) -> None:
        self._own_bugs.reports += [f"worker {process.number}: {text}" for text in texts]

    async def _left_behind(self, process: WorkerProcess, order: Order) -> LeftBehind:
        told = self._told.get(process.number, 0)
        read = partial(left_behind, RunFolder(order.folder), self._since_ns, told)
        try:
            return await trio.to_thread.run_sync(read)
        except (RunFolderError, OSError) as error:
            self._warn(f"what worker {process.number} held is not known: {error}")
            return LeftBehind([], [], self._since_ns)
