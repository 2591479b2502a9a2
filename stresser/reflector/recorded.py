"""A reflector with its own run folder: server, recorder and manifest put together."""

import gc
import os
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import trio

from stresser.model.errors import ExitCode, ReflectorError, RunFolderError
from stresser.model.events import RunStarted
from stresser.model.units import NS_PER_S
from stresser.net.dial import socket_options
from stresser.net.resolve import format_sockaddr
from stresser.net.tls import server_context
from stresser.record.diagnostics import DiagnosticLog
from stresser.record.folder import create_run_folder
from stresser.record.host_facts import gather_manifest
from stresser.record.manifest import Gap, Manifest, Status, finished, write_manifest
from stresser.record.recorder import Recorder
from stresser.reflector.listener import ReflectorListener
from stresser.reflector.reception import Reception
from stresser.scenario.secrets import Secret
from stresser.witness.capabilities import capabilities
from stresser.witness.clock import RunClock
from stresser.witness.loop import COLLECT_SELDOM

_NAME: Final = "reflector"
_INTERVAL_NS: Final = 10 * NS_PER_S
_Obey = Callable[..., Any]
"""`run.stop.StopSignals.obey`, which this room may not import."""


@dataclass(frozen=True, kw_only=True)
class ReflectorPlan:
    """What a command line asks for, checked."""

    host: str
    port: int
    context: ssl.SSLContext
    token: Secret | None
    out: Path
    label: str | None


def context_of(cert: Path, key: Path) -> ssl.SSLContext:
    """What a reflector shakes hands with.

    Raises:
        ReflectorError: a file cannot be read, or the two do not belong together.
    """
    for option, path in (("--cert", cert), ("--key", key)):
        try:
            path.open("rb").close()
        except OSError as error:
            raise ReflectorError(f"{option} {path}: {error.strerror}") from None
    try:
        return server_context(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise ReflectorError(
            f"--cert {cert}, --key {key}: no PEM chain with its key: {error}"
        ) from None


class RecordedReflector:
    """One reflector, from its folder to its last word."""

    def __init__(
        self, plan: ReflectorPlan, command_line: list[str], note: Callable[[str], None]
    ) -> None:
        """`note` tells the user one line."""
        self._plan = plan
        self._command_line = command_line
        self._note = note
        self._reason = "a bug in stresser"
        self.gap: Gap | None = None
        """What was not recorded; None: all was."""

    async def run(self, obey: _Obey) -> None:
        """Serve until a signal comes or recording fails.

        Raises:
            StresserError: the folder cannot be made, or the address not be listened on.
        """
        plan, clock = self._plan, RunClock()
        folder = create_run_folder(plan.out, _NAME, plan.label, clock.anchor_unix_ns)
        self._folder = folder
        self._log = DiagnosticLog(folder.log, clock)
        self._recorder = Recorder(folder, clock, _INTERVAL_NS, diagnostics=self._log)
        self._manifest = self._begin(clock)
        reception = Reception(plan.token, clock, self._recorder)
        self._server = ReflectorListener(reception, plan.context, plan.host, plan.port)
        thresholds = gc.get_threshold()
        gc.set_threshold(*COLLECT_SELDOM)
        try:
            await self._serve(obey)
        finally:
            gc.set_threshold(*thresholds)
            self._log.logger.info("turned away", **reception.turned_away())
            with trio.CancelScope(shield=True):
                await self._recorder.close(self._reason)
            self._end(clock)
        self._note(f"recorded in {folder.path}: {reception.guests} sessions of testers")

    def _begin(self, clock: RunClock) -> Manifest:
        plan = self._plan
        manifest = gather_manifest(
            scenario={"name": _NAME},
            listened=format_sockaddr((plan.host, plan.port)),
            anchor_unix_ns=clock.anchor_unix_ns,
            command_line=self._command_line,
            capabilities=dict(capabilities()),
            socket_options=socket_options(),
        )
        write_manifest(self._folder.manifest, manifest)
        started = RunStarted(
            t_ns=0, utc=clock.utc(0), scenario=_NAME, sessions_requested=0, cohorts=[]
        )
        self._recorder.event(started)
        return manifest

    async def _serve(self, obey: _Obey) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self._recorder.run)
            await nursery.start(obey, self._stop, self._force, self._note)
            nursery.start_soon(self._stop_when_not_recorded)
            where = await nursery.start(self._server.serve)
            self._note(f"reflecting on {where}; recording in {self._folder.path}; Ctrl-C ends it")
            await self._server.stopped.wait()
            nursery.cancel_scope.cancel()

    def _stop(self, reason: str) -> None:
        self._reason = reason
        self._server.stop()

    def _force(self) -> None:
        self._recorder.close_now(f"{self._reason}, then stopped by force")
        os._exit(ExitCode.FORCED)

    async def _stop_when_not_recorded(self) -> None:
        await self._recorder.failed.wait()
        self._stop("recording stopped")

    def _end(self, clock: RunClock) -> None:
        self.gap = self._recorder.gap
        ended = finished(
            self._manifest,
            status=Status.COMPLETE if self.gap is None else Status.INTERRUPTED,
            ended_utc=clock.utc(clock.now_ns()),
            end_reason=self._reason,
            verdict=None,
            gap=self.gap,
        )
        with suppress(RunFolderError):  # a full disk: the gap tells it
            write_manifest(self._folder.manifest, ended)
