"""A reflector on loopback in the test's own loop, and clients that are not ours."""

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from stresser.model.events import AnyEvent, ReflectionEnded, ReflectionOpened
from stresser.net.reflector_hello import Introducer, new_run_id
from stresser.record.events_file import EventsReader
from stresser.record.folder import RunFolder, create_run_folder
from stresser.record.recorder import Recorder
from stresser.reflector.admission import Admission
from stresser.reflector.listener import ReflectorListener
from stresser.reflector.reception import Reception
from stresser.scenario.secrets import Secret
from stresser.witness.clock import RunClock
from tests.fakes.certificates import SERVER_NAME, client_context, server_context

TOKEN = Secret("REFLECT_TOKEN", "correct horse battery staple")
S = 10**9


class Served:
    """One reflector: where it listens, and what it recorded."""

    def __init__(
        self,
        port: int,
        server: ReflectorListener,
        reception: Reception,
        folder: RunFolder,
        recorder: Recorder,
    ) -> None:
        self.port = port
        self.server = server
        self.reception = reception
        self._folder = folder
        self.recorder = recorder
        self.clients: list[trio.SocketStream] = []
        clock = reception.clock
        self.introducer = Introducer(
            run=new_run_id(), token=TOKEN, anchor_unix_ns=clock.anchor_unix_ns
        )

    def hello(self, attempt: int) -> str:
        return self.introducer.hello(attempt, self.reception.clock.now_ns())

    def events(self) -> list[AnyEvent]:
        """All that was recorded so far."""
        self.recorder.flush_now()
        return list(EventsReader(self._folder.events))

    def opened(self) -> list[ReflectionOpened]:
        return [one for one in self.events() if isinstance(one, ReflectionOpened)]

    async def ended(self, number: int = 1) -> list[ReflectionEnded]:
        """Wait until so many guests have ended."""
        with trio.fail_after(60):
            while True:
                found = [one for one in self.events() if isinstance(one, ReflectionEnded)]
                if len(found) >= number:
                    return found
                await trio.sleep(0.01)

    async def tcp(self) -> trio.SocketStream:
        """A client's connection; closed with the test."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        self.clients.append(stream)
        return stream

    async def tls(self) -> "trio.SSLStream[trio.SocketStream]":
        stream = trio.SSLStream(await self.tcp(), client_context(), server_hostname=SERVER_NAME)
        await stream.do_handshake()
        return stream


@asynccontextmanager
async def reflecting(
    parent: Path, token: Secret | None = TOKEN, admission: Admission | None = None
) -> AsyncIterator[Served]:
    clock = RunClock()
    folder = create_run_folder(parent, "reflector", None, clock.anchor_unix_ns)
    recorder = Recorder(folder, clock, 10 * S)
    reception = Reception(token, clock, recorder, admission)
    server = ReflectorListener(reception, server_context(), "127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        where = await nursery.start(server.serve)
        served = Served(int(where.rpartition(":")[2]), server, reception, folder, recorder)
        yield served
        server.stop()
        await server.stopped.wait()
        for client in served.clients:
            client.socket.close()
        await recorder.close("the test")
        nursery.cancel_scope.cancel()


def reset(stream: trio.SocketStream) -> None:
    """RST now (socket(7), SO_LINGER with a time of 0)."""
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()
