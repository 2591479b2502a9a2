"""One run from start to exit code: puts recorder, live view, lab, signals and runner together."""

import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import trio
from rich.console import Console

from stresser.analysis.summary import Summary, summarise
from stresser.model.errors import ExitCode, RunFolderError
from stresser.model.events import Observer, RunStarted
from stresser.model.lab import LabReady
from stresser.model.scenario import Scenario
from stresser.model.secrets import HeaderValues, masked
from stresser.net.dial import socket_options
from stresser.record.diagnostics import DiagnosticLog
from stresser.record.folder import RunFolder, create_run_folder
from stresser.record.host_facts import gather_manifest
from stresser.record.manifest import Manifest, Status, finished, write_manifest
from stresser.record.reader import open_run
from stresser.record.recorder import Recorder, RecordingFailure
from stresser.record.summary_file import write_summary
from stresser.report.live import LiveView
from stresser.report.terminal import print_summary, summary_json
from stresser.run.fanout import Fanout
from stresser.run.lab_plan import lab_plan
from stresser.run.preflight import Readiness
from stresser.run.routes import RouteBuilder
from stresser.run.runner import Runner
from stresser.run.stop import obey_signals
from stresser.session.route import Route
from stresser.witness.capabilities import capabilities
from stresser.witness.clock import RunClock


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a command line asks for, checked."""

    scenario: Scenario
    file: Path
    headers: Mapping[str, HeaderValues]
    readiness: Readiness
    out: Path
    label: str | None
    command_line: list[str]


@dataclass(frozen=True, kw_only=True)
class _Finished:
    """What the loop leaves behind."""

    folder: RunFolder
    manifest: Manifest
    failure: RecordingFailure | None
    bugs: int


def run_job(job: Job, *, quiet: bool, as_json: bool) -> ExitCode:
    """Run a scenario to its end and print what came of it.

    Raises:
        StresserError: before the run began: nothing was recorded.
    """
    errors = Console(stderr=True, highlight=False, quiet=quiet)
    for note in job.readiness.notes:
        errors.print(note, markup=False)
    done = trio.run(_Execution(job, errors).run)
    summary = _conclude(done)
    if as_json:
        sys.stdout.write(summary_json(summary) + "\n")
    else:
        print_summary(summary, Console(highlight=False), done.folder.path)
    if done.failure is not None:
        sys.stderr.write(f"{done.failure}\n")
        return ExitCode.INCONCLUSIVE
    return ExitCode.BUG if done.bugs else summary.verdict.exit_code


def _conclude(done: _Finished) -> Summary:
    """Read the folder back: what is printed now is what `stresser show` prints later."""
    summary = summarise(open_run(done.folder.path))
    try:
        manifest = msgspec.structs.replace(done.manifest, verdict=summary.verdict)
        write_manifest(done.folder.manifest, manifest)
        write_summary(done.folder, summary)
    except RunFolderError as exc:
        # The disk that stopped the recording may still be full: what is known is printed.
        sys.stderr.write(f"{exc}\n")
    return summary


class _Execution:
    """The loop's part of a run."""

    def __init__(self, job: Job, errors: Console) -> None:
        self._job = job
        self._errors = errors

    async def run(self) -> _Finished:
        """Hold the sessions and record them."""
        job = self._job
        async with _lab_for(job.scenario) as ready:
            bindings = job.readiness.bindings
            routes = RouteBuilder(job.scenario, job.file, job.headers, bindings, ready).build()
            clock = RunClock()
            folder = create_run_folder(job.out, job.scenario.name, job.label, clock.anchor_unix_ns)
            return await self._record(routes, clock, folder)

    async def _record(self, routes: list[Route], clock: RunClock, folder: RunFolder) -> _Finished:
        manifest = self._first_manifest(clock)
        write_manifest(folder.manifest, manifest)
        log = DiagnosticLog(folder.log, clock)
        interval = self._job.scenario.record.histogram_interval
        recorder = Recorder(folder, clock, interval, diagnostics=log)
        live = LiveView(self._job.scenario, clock.now_ns, self._errors)
        runner = Runner(self._job.scenario, routes, clock, Fanout([recorder, live]))

        def end(status: Status) -> Manifest:
            ended = finished(
                manifest,
                status=status,
                ended_utc=clock.utc(clock.now_ns()),
                end_reason=runner.reason or "forced stop",
                verdict=None,
                gap=recorder.gap,
            )
            with suppress(RunFolderError):  # a full disk; told once the loop is over
                write_manifest(folder.manifest, ended)
            return ended

        def force() -> None:
            recorder.close_now("forced stop")
            end(Status.INTERRUPTED)
            self._leave_screen()
            os._exit(ExitCode.FORCED)

        def note(text: str) -> None:
            log.logger.warning(text)
            live.warn(text)

        async with trio.open_nursery() as nursery:
            await nursery.start(recorder.run)
            await nursery.start(obey_signals, runner.stop, force, note)
            nursery.start_soon(live.run)
            nursery.start_soon(_stop_when_not_recorded, recorder, runner, note)
            log.logger.info("run started", folder=str(folder.path))
            _tell_started(self._job, routes, clock, Fanout([recorder, live]))
            await runner.run()
            log.logger.info("run ended", reason=runner.reason)
            await recorder.close(runner.reason or "ended")
            nursery.cancel_scope.cancel()
        return _Finished(
            folder=folder,
            manifest=end(Status.COMPLETE),
            failure=recorder.failure,
            bugs=runner.bugs,
        )

    def _first_manifest(self, clock: RunClock) -> Manifest:
        return gather_manifest(
            scenario=masked(self._job.scenario),
            clock=clock,
            command_line=self._job.command_line,
            capabilities=dict(capabilities()),
            socket_options=dict(socket_options()),
        )

    def _leave_screen(self) -> None:
        with suppress(OSError):
            self._errors.set_alt_screen(enable=False)
            self._errors.show_cursor()


@asynccontextmanager
async def _lab_for(scenario: Scenario) -> AsyncIterator[LabReady | None]:
    plan = lab_plan(scenario)
    if plan is None:
        yield None
        return
    from stresser.lab.process import running_lab  # noqa: PLC0415 - few runs need the lab

    async with running_lab(plan) as ready:
        yield ready


async def _stop_when_not_recorded(
    recorder: Recorder, runner: Runner, note: Callable[[str], None]
) -> None:
    await recorder.failed.wait()
    note(str(recorder.failure))
    # Without its records the night is lost: better to be found stopped than to look well.
    runner.stop("recording stopped")


def _tell_started(job: Job, routes: list[Route], clock: RunClock, observer: Observer) -> None:
    started = RunStarted(
        t_ns=0,
        utc=clock.utc(0),
        scenario=job.scenario.name,
        sessions_requested=job.readiness.sessions,
        cohorts=[route.cohort for route in routes],
    )
    observer.event(started)
