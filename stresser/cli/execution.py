"""The event loop's part of a run: puts recorder, live view, lab, signals and runner together."""

import os
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio
from msgspec.structs import asdict

from stresser.cli.ramp_watch import shortfalls_after_ramp
from stresser.cli.scenario_lab import lab_for
from stresser.model.errors import ExitCode, RunFolderError
from stresser.model.events import RunResumed, RunStarted
from stresser.model.units import escaped, format_duration
from stresser.net.dial import socket_options
from stresser.net.key_log import keys_logged
from stresser.net.reflector_hello import Introducer, new_run_id
from stresser.record.diagnostics import DiagnosticLog
from stresser.record.folder import RunFolder, create_run_folder
from stresser.record.host_facts import gather_manifest
from stresser.record.limits_file import kept_limits
from stresser.record.manifest import Gap, Manifest, Status, finished, write_manifest
from stresser.record.recorder import Recorder
from stresser.record.repair import repair
from stresser.record.resumption import Earlier, going_on, held_alone
from stresser.report.console import ReportConsole
from stresser.report.live import LiveView
from stresser.run.fanout import Fanout
from stresser.run.lab_plan import lab_reflectors
from stresser.run.lab_witness import LabWitness
from stresser.run.packet_sight import PacketSight, open_packets
from stresser.run.preflight import Readiness, sessions_of
from stresser.run.routes import RouteBuilder
from stresser.run.runner import Runner
from stresser.run.stop import StopSignals
from stresser.scenario.plan import Scenario
from stresser.scenario.proxies import Proxies
from stresser.scenario.secrets import HeaderValues, Secret, masked
from stresser.session.internal_errors import BatchObserver
from stresser.session.route import Route, timers_for
from stresser.witness.capabilities import capabilities
from stresser.witness.clock import RunClock

if TYPE_CHECKING:
    from stresser.cli.served_metrics import MetricsPort, ServedMetrics
    from stresser.cli.spread import Spread
    from stresser.run.workers import Workers

_TOKEN_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What a command line asks for, checked."""

    scenario: Scenario
    file: Path
    """Paths of CA files are relative to its folder."""
    headers: Mapping[str, HeaderValues]
    tokens: Mapping[str, Secret]
    """Of the endpoints that are reflectors, by name."""
    gaps: Mapping[str, Secret]
    """What the environment puts into messages, by variable."""
    proxies: Proxies
    readiness: Readiness
    out: Path
    label: str | None
    earlier: Earlier | None = None
    """The run to go on with, in its own folder; None: a new one is made in `out`."""
    fail_fast: bool
    """End the run where fewer sessions opened than asked."""
    command_line: list[str]
    metrics: "MetricsPort | None" = None
    """Where the figures are served while the run goes on; None: nowhere, and nothing is counted."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What the loop leaves behind."""

    folder: RunFolder
    manifest: Manifest
    """As last written; the verdict is not yet in it."""
    bugs: int


class Execution:
    """One run of one scenario."""

    def __init__(self, asked: RunRequest, errors: ReportConsole, signals: StopSignals) -> None:
        self._asked = asked
        self._errors = errors
        self._signals = signals

    async def run(self) -> Finished:
        """Hold the sessions and record them in a new folder.

        Raises:
            StresserError: before anything was recorded.
        """
        asked, scenario, witness = self._asked, self._asked.scenario, LabWitness()
        tokens = _tokens_of(asked)
        lab_token = next((tokens[name].reveal() for name in lab_reflectors(scenario)), None)
        async with AsyncExitStack() as stack:
            spread = await self._spread(stack)
            lab = lab_for(scenario, witness.on_kill, lab_token)
            ready = await stack.enter_async_context(lab)
            bindings = asked.readiness.bindings
            clock, run_id = RunClock(), new_run_id()
            earlier = asked.earlier
            if earlier is not None:
                clock.go_on(earlier.anchor_unix_ns, earlier.since_ns)
                run_id = earlier.manifest.run_id or run_id
            introducers = {
                name: Introducer(run=run_id, token=token, anchor_unix_ns=clock.anchor_unix_ns)
                for name, token in tokens.items()
            }
            builder = RouteBuilder(
                scenario, asked.file, asked.headers, bindings, ready, asked.proxies, introducers,
                asked.gaps,
            )  # fmt: skip
            routes = builder.build()
            if spread is not None:
                spread.prepare(asked, tokens, ready, run_id)
            self._signals.begin()  # a folder that was made is ended in an orderly way
            folder = self._folder(clock)
            with held_alone(folder):
                if earlier is not None:
                    repair(folder)
                recorded = _RecordedRun(
                    scenario, routes, clock, folder, self._errors, asked.metrics, earlier, spread
                )
                recorded.begin(self._manifest(clock, run_id), asked.readiness.sessions)
                witness.tell(recorded.observer, clock)
                await recorded.run(self._signals, fail_fast=asked.fail_fast)
                return recorded.finished()

    async def _spread(self, until: AsyncExitStack) -> "Spread | None":
        """The processes that hold the sessions, importing from now on; None: this one does."""
        number = self._asked.readiness.workers
        if number == 1:  # what such a run has no need of is not even loaded
            return None
        spread = import_module("stresser.cli.spread")
        secret = spread.secret_variables(self._asked)
        processes = await until.enter_async_context(spread.started_workers(number, secret))
        made: Spread = spread.Spread(processes)
        return made

    def _folder(self, clock: RunClock) -> RunFolder:
        asked = self._asked
        if asked.earlier is not None:
            return asked.earlier.folder
        return create_run_folder(asked.out, asked.scenario.name, asked.label, clock.anchor_unix_ns)

    def _manifest(self, clock: RunClock, run_id: str) -> Manifest:
        return gather_manifest(
            scenario=masked(self._asked.scenario),
            run_id=run_id,
            anchor_unix_ns=clock.anchor_unix_ns,
            command_line=self._asked.command_line,
            capabilities=dict(capabilities()),
            socket_options={**socket_options(), "timers": self._timers()},
            measured=kept_limits(),
            workers=self._asked.readiness.workers,
        )

    def _timers(self) -> dict[str, Any]:
        """How the kernel is set for each activity: it decides when a silence is noticed."""
        activities = self._asked.scenario.activities
        return {activity.name: asdict(timers_for(activity)) for activity in activities}


def _tokens_of(asked: RunRequest) -> dict[str, Secret]:
    """Of all endpoints that are reflectors; the lab's get one that is made for this run."""
    own = Secret("", secrets.token_hex(_TOKEN_BYTES))
    return {**asked.tokens, **dict.fromkeys(lab_reflectors(asked.scenario), own)}


class _RecordedRun:
    """A runner with those who write and show what it does."""

    def __init__(
        self,
        scenario: Scenario,
        routes: list[Route],
        clock: RunClock,
        folder: RunFolder,
        errors: ReportConsole,
        metrics: "MetricsPort | None",
        earlier: Earlier | None,
        spread: "Spread | None",
    ) -> None:
        self._scenario = scenario
        self._earlier = earlier
        self._routes = routes
        self._clock = clock
        self._folder = folder
        self._errors = errors
        self._log = DiagnosticLog(folder.log, clock)
        interval = scenario.record.histogram_interval
        self._recorder = Recorder(folder, clock, interval, diagnostics=self._log)
        self._live = LiveView(scenario, clock, errors)
        watching: list[BatchObserver] = [self._live]
        self._served: ServedMetrics | None = None
        if metrics is not None:
            self._served = metrics.serve(
                self._live.tally, scenario.name, folder.path, clock.anchor_unix_ns, self._warn
            )
            watching.append(self._served.metrics)
        self.observer = Fanout([self._recorder, *watching])
        self._sight: PacketSight
        self._workers: Workers | None = None
        self._runner: Runner | Workers
        if spread is None:
            self._sight = open_packets(scenario, clock, sessions_of(scenario))
            self._runner = self._alone()
        else:
            self._sight = open_packets(scenario, clock, 0).closed()  # each worker has its own
            self._runner = self._workers = spread.workers(
                folder, clock, self.observer, Fanout(watching), self._warn
            )
        self._manifest: Manifest

    def _alone(self) -> Runner:
        earlier = self._earlier
        return Runner(
            self._scenario,
            self._routes,
            self._clock,
            self.observer,
            packets=self._sight.witness,
            keep_chain=self._recorder.keep_chain,
            say=self._say,
            first_attempt=1 if earlier is None else earlier.next_attempt,
            first_session=1 if earlier is None else earlier.sessions + 1,
        )

    def begin(self, manifest: Manifest, sessions: int) -> None:
        """Write what is known before the first attempt."""
        now = self._clock.now_ns()
        if self._earlier is not None:
            manifest = going_on(
                self._earlier, now, self._clock.utc(now), manifest.stresser, manifest.workers
            )
        self._manifest = manifest
        write_manifest(self._folder.manifest, manifest)
        self._log.logger.info("run started", folder=str(self._folder.path))
        if self._served is not None:
            self._log.logger.info("metrics are served", url=self._served.url)
        if self._workers is not None:
            self._log.logger.info("workers started", pids=self._workers.pids)
        started = RunStarted(
            t_ns=0,
            utc=self._clock.utc(0),
            scenario=self._scenario.name,
            sessions_requested=sessions,
            cohorts=[route.cohort for route in self._routes],
        )
        if self._earlier is None:
            self.observer.event(started)
        else:
            self._live.event(started)  # the folder has it already
            self._resume(now, self._earlier)
        named = {one.cohort.pair: one.entries for one in self._routes if one.entries is not None}
        for entries in named.values():
            self.observer.event(entries.first(self._clock))
        self._tell_blindness(0 if self._earlier is None else now)

    def _resume(self, now_ns: int, earlier: Earlier) -> None:
        utc = self._clock.utc(now_ns)
        resumed = RunResumed(t_ns=now_ns, utc=utc, since_ns=earlier.since_ns, why=earlier.why)
        self._clock.gaps_ns = earlier.gaps_ns + resumed.gap_ns
        self.observer.event(resumed)
        self._recorder.flush_now()  # from now on a crash is one of this part
        gap = format_duration(resumed.gap_ns)
        self._say(f"resumed after {gap} in which nothing ran ({escaped(earlier.why)})")

    def _tell_blindness(self, now_ns: int) -> None:
        told = self._sight.blindness(self._clock, now_ns)
        if told is not None:
            self.observer.event(told)
            self._warn(f"{told.detail}; `stresser doctor` says how to enable it")

    async def run(self, signals: StopSignals, *, fail_fast: bool) -> None:
        """Hold the sessions until the end; whatever happens, what was seen gets written."""
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self._recorder.run)
                await nursery.start(signals.obey, self._stop, self._force, self._say)
                nursery.start_soon(self._live.run)
                if self._served is not None:
                    nursery.start_soon(self._served.run)
                nursery.start_soon(self._stop_when_not_recorded)
                nursery.start_soon(self._warn_after_ramp, fail_fast)
                with ExitStack() as stack:
                    self._log_keys(stack)
                    await self._runner.run()
                self._tell_bugs()
                await self._recorder.close(self._reason)
                nursery.cancel_scope.cancel()
        finally:
            # Where a bug came in between; after an orderly end it does nothing.
            self._recorder.close_now("a bug in stresser")

    def _log_keys(self, until: ExitStack) -> None:
        if not self._scenario.record.tls_keys:
            return
        path = self._folder.tls_keys
        contexts = {context for route in self._routes for context in route.contexts}
        try:
            if self._workers is None:  # else each has a file of its own
                until.enter_context(keys_logged(contexts, path))
        except OSError as exc:
            self._warn(f"the keys of the TLS sessions are not kept: {path.name}: {exc.strerror}")
            return
        self._warn(
            f"tls_keys: who has {path.name} and a capture reads all that sessions send,"
            " passwords and tokens too"
        )

    def finished(self) -> Finished:
        """The manifest's last words, and what else the caller must know."""
        whole = self._gap is None
        self._write_end(Status.COMPLETE if whole else Status.INTERRUPTED)
        return Finished(folder=self._folder, manifest=self._manifest, bugs=self._runner.bugs)

    @property
    def _gap(self) -> Gap | None:
        own = self._recorder.gap
        return own if self._workers is None else self._workers.gap_with(own)

    @property
    def _reason(self) -> str:
        return self._runner.reason or "stopped by force"

    def _stop(self, reason: str) -> None:
        self._say(f"stopping: {reason}")
        self._runner.stop(reason)

    def _force(self) -> None:
        """End the process now; the folder reads."""
        if self._workers is not None:
            self._workers.force()
        self._recorder.close_now(f"{self._reason}, then stopped by force")
        self._write_end(Status.INTERRUPTED)
        with suppress(OSError):
            self._errors.set_alt_screen(enable=False)
            self._errors.show_cursor()
        os._exit(ExitCode.FORCED)

    def _warn(self, text: str) -> None:
        self._log.logger.warning(text)
        self._live.warn(text)

    def _say(self, text: str) -> None:
        self._log.logger.info(text)
        self._live.say(text)

    async def _stop_when_not_recorded(self) -> None:
        await self._recorder.failed.wait()
        # Without its records the night is lost: better to be found stopped than to look well.
        self._warn(str(self._recorder.failure))
        self._runner.stop("recording stopped")

    async def _warn_after_ramp(self, fail_fast: bool) -> None:  # noqa: FBT001 - as trio starts it
        missing = await shortfalls_after_ramp(self._scenario, self._live.tally)
        if self._runner.reason is not None:
            return
        for words in missing:
            self._warn(words)
        if missing and fail_fast:
            self._runner.stop("fewer sessions opened than asked (--fail-fast)")

    def _tell_bugs(self) -> None:
        for report in self._runner.bug_reports:
            self._log.logger.error("a bug in stresser", traceback=report)

    def _write_end(self, status: Status) -> None:
        self._manifest = finished(
            self._manifest,
            status=status,
            ended_utc=self._clock.utc(self._clock.now_ns()),
            end_reason=self._reason,
            verdict=None,
            gap=self._gap,
        )
        with suppress(RunFolderError):  # a full disk: told when the run is concluded
            write_manifest(self._folder.manifest, self._manifest)
