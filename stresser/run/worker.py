"""A worker: one process that holds a part of a run's sessions and records them in its own folder.

The run's process says what it is to hold, and when to stop, over a socket that is its standard
input; signals are not for it. When that process is gone, it closes its files and is gone too: what
is open then has no end that is known.
"""

import os
import signal
import socket
from contextlib import ExitStack
from typing import NoReturn

import trio
from msgspec.structs import replace

from stresser.model.errors import ExitCode
from stresser.model.events import AnyEvent, ClockStepped, HostSlept, PathChanged
from stresser.net.dial import keep_to_ports
from stresser.net.key_log import keys_logged
from stresser.net.reflector_hello import Introducer
from stresser.record.diagnostics import DiagnosticLog
from stresser.record.folder import RunFolder
from stresser.record.recorder import Recorder
from stresser.record.resumption import held_alone
from stresser.run.fanout import Fanout
from stresser.run.packet_sight import open_packets
from stresser.run.preflight import local_port_range, sessions_of
from stresser.run.routes import RouteBuilder
from stresser.run.runner import Runner
from stresser.run.worker_feed import WorkerFeed
from stresser.run.worker_link import WorkerLink
from stresser.run.worker_messages import (
    ForceWord,
    Goodbye,
    Order,
    StopWord,
    ToWorker,
    for_worker,
)
from stresser.run.worker_share import WorkerShare
from stresser.scenario.secrets import HeaderValues
from stresser.session.route import Route
from stresser.witness.clock import RunClock
from stresser.witness.packet_filter import Ports

_STDIN = 0
_ABANDONED = "the run's process is gone"
_OF_THE_HOST = (HostSlept, ClockStepped, PathChanged)


def obey() -> None:
    """Obey one order, to its end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    trio.run(_work, socket.socket(fileno=_STDIN))


async def _work(sock: socket.socket) -> None:
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
    link: WorkerLink[ToWorker] = WorkerLink(stream, for_worker)
    order = await link.receive()
    if not isinstance(order, Order):
        return  # the run was not to be
    folder = RunFolder(order.folder)
    with held_alone(folder):
        await Worker(order, folder, link).run()


class _OwnEvents(Fanout):
    """Observers who hear of this worker's sessions, and not of what befell the host."""

    def event(self, event: AnyEvent) -> None:
        """Something happened."""
        if not isinstance(event, _OF_THE_HOST):
            super().event(event)


class Worker:
    """One part of a run."""

    def __init__(self, order: Order, folder: RunFolder, link: WorkerLink[ToWorker]) -> None:
        self._folder = folder
        self._link = link
        share = WorkerShare(order.worker, order.workers)
        scenario = share.scenario(order.scenario)
        clock = RunClock()
        clock.share(order.anchor_unix_ns, order.began_monotonic_ns)
        self._feed = WorkerFeed()
        self._log = DiagnosticLog(folder.log, clock)
        self._recorder = Recorder(
            folder,
            clock,
            scenario.record.histogram_interval,
            diagnostics=self._log,
            on_written=self._feed.written,
            recorders=order.workers,
        )
        ports = _own_ports(share)
        self._routes = _routes_of(order, clock, ports)
        sessions = share.part_of(sessions_of(order.scenario))
        self._keeps_keys = scenario.record.tls_keys
        self._runner = Runner(
            scenario,
            self._routes,
            clock,
            _OwnEvents([self._recorder, self._feed]),
            packets=open_packets(scenario, clock, sessions, ports).witness,
            keep_chain=self._recorder.keep_chain,
            first_attempt=order.first_attempt,
            first_session=order.first_session,
            share=share,
        )

    async def run(self) -> None:
        """Hold the sessions until the end; whatever happens, what was seen gets written."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen)
            async with trio.open_nursery() as telling:
                telling.start_soon(self._feed.run, self._link)
                await self._hold()
                self._feed.complete(self._goodbye())
            nursery.cancel_scope.cancel()

    async def _hold(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self._recorder.run)
                nursery.start_soon(self._stop_when_not_recorded)
                with ExitStack() as stack:
                    self._log_keys(stack)
                    await self._runner.run()
                if self._feed.dropped:
                    lost = "live view and metrics lack messages of this worker"
                    self._log.logger.warning(lost, messages=self._feed.dropped)
                await self._recorder.close(self._reason)
                nursery.cancel_scope.cancel()
        finally:
            # Where a bug came in between; after an orderly end it does nothing.
            self._recorder.close_now("a bug in stresser")

    @property
    def _reason(self) -> str:
        return self._runner.reason or "stopped by force"

    def _goodbye(self) -> Goodbye:
        return Goodbye(
            reason=self._reason,
            bugs=self._runner.bugs,
            bug_reports=list(self._runner.bug_reports),
            gap=self._recorder.gap,
        )

    async def _listen(self) -> None:
        while True:
            match await self._link.receive():
                case StopWord(reason=reason):
                    self._runner.stop(reason)
                case ForceWord():
                    self._leave(f"{self._reason}, then stopped by force")
                case _:
                    # As where one process held all: what is open has no end that is known.
                    self._log.logger.warning(_ABANDONED)
                    self._leave(_ABANDONED)

    def _leave(self, reason: str) -> NoReturn:
        """Be gone at once; what was seen is in the files."""
        self._runner.hand_on()
        self._recorder.close_now(reason)
        os._exit(ExitCode.FORCED)

    async def _stop_when_not_recorded(self) -> None:
        await self._recorder.failed.wait()
        self._feed.warn(str(self._recorder.failure))
        self._runner.stop("recording stopped")

    def _log_keys(self, until: ExitStack) -> None:
        if not self._keeps_keys:
            return
        contexts = {context for route in self._routes for context in route.contexts}
        path = self._folder.tls_keys
        try:
            until.enter_context(keys_logged(contexts, path))
        except OSError as exc:
            lost = f"the keys of the TLS sessions are not kept: {path}: {exc.strerror}"
            self._log.logger.warning(lost)
            self._feed.warn(lost)


def _own_ports(share: WorkerShare) -> Ports | None:
    """Where its sockets' ports are to be, so that its capture passes no others; None: anywhere."""
    ports = share.ports(*local_port_range())
    with socket.socket() as probe:
        try:
            keep_to_ports(probe, ports)
        except OSError:  # before Linux 6.3
            return None
    return ports


def _routes_of(order: Order, clock: RunClock, ports: Ports | None) -> list[Route]:
    headers: dict[str, HeaderValues] = {one.name: {} for one in order.scenario.endpoints}
    for header in order.headers:
        headers[header.endpoint][header.name] = header.value
    introducers = {
        name: Introducer(run=order.run_id, token=token, anchor_unix_ns=clock.anchor_unix_ns)
        for name, token in order.tokens.items()
    }
    bindings = {name: replace(one, ports=ports) for name, one in order.bindings.items()}
    proxies = {(one.endpoint, one.egress): one.named for one in order.proxies}
    return RouteBuilder(
        order.scenario, order.file, headers, bindings, order.lab, proxies, introducers, order.gaps
    ).build()


if __name__ == "__main__":
    obey()
