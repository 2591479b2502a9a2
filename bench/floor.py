"""Owns the floor: the least that Python needs for the same work. Standard library only.

N wss sessions on `select.epoll` and `ssl` (SSLObject over MemoryBIO, one context), WebSocket
written by hand (RFC 6455), a ping a session on an absolute schedule, one ping in flight. It
classifies nothing, records nothing but RTTs and reconnects nothing: an ended session is a failed
run. Prints one JSON line when it starts, when all sessions are open and when SIGTERM ends it.
"""

import argparse
import json
import os
import select
import signal
import socket
import sys
import time
from array import array
from collections import deque

from bench.floor_session import PAYLOAD_BYTES, FloorError, Session, Stage, client_context
from bench.machine import raise_file_limit

_READABLE = select.EPOLLIN | select.EPOLLRDHUP


class Floor:
    """All sessions of the process."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._hosts: list[str] = arguments.address
        self._port: int = arguments.port
        self._wanted: int = arguments.sessions
        self._in_flight_cap: int = arguments.in_flight
        self._every_ns = int(arguments.every * 1e9)
        self._ramp_ns = int(arguments.ramp * 1e9)
        self._context = client_context()
        self._epoll = select.epoll()
        self._sessions: dict[int, Session] = {}
        self._schedule: deque[Session] = deque()
        self._started = self._opened = self._pings = self._missed = 0
        self._rtt_ns = array("q")
        self._began_ns = time.monotonic_ns()
        self._stop_fd = _wake_on_sigterm()
        self._epoll.register(self._stop_fd, select.EPOLLIN)

    def run(self) -> None:
        """Until SIGTERM.

        Raises:
            FloorError: a session ended or a peer misbehaved.
            OSError: likewise.
        """
        _say(mark="started", sessions=self._wanted)
        while True:
            self._start_more()
            for fd, _events in self._epoll.poll(self._wait_s(), 512):
                if fd == self._stop_fd:
                    return
                self._advance(self._sessions[fd])
            self._send_due()

    def finish(self) -> None:
        """Say what was done."""
        rtts = sorted(self._rtt_ns)
        quantiles = {f"rtt_p{p}_ns": rtts[len(rtts) * p // 100] for p in (50, 99) if len(rtts) > 1}
        counts = {"pings": self._pings, "pongs": len(rtts), "missed": self._missed}
        _say(mark="ended", opened=self._opened, **counts, **quantiles)

    def _wait_s(self) -> float:
        """Until the next ping or the next start is due; -1: an event alone can go on."""
        due = [self._schedule[0].due_ns] if self._schedule else []
        if self._may_start():
            due.append(self._start_due_ns())
        return max(0, min(due) - time.monotonic_ns()) / 1e9 if due else -1

    def _may_start(self) -> bool:
        in_flight = self._started - self._opened
        return self._started < self._wanted and in_flight < self._in_flight_cap

    def _start_due_ns(self) -> int:
        return self._began_ns + self._started * self._ramp_ns // self._wanted

    def _start_more(self) -> None:
        while self._may_start() and self._start_due_ns() <= time.monotonic_ns():
            host = self._hosts[self._started % len(self._hosts)]
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.setblocking(False)  # noqa: FBT003 - the standard library wants it so
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect_ex((host, self._port))
            self._sessions[sock.fileno()] = Session(sock, self._context, host)
            self._epoll.register(sock, select.EPOLLOUT)
            self._started += 1

    def _advance(self, session: Session) -> None:
        if session.stage is Stage.HELD:
            session.receive()
            if session.pongs():
                self._rtt_ns.append(time.monotonic_ns() - session.due_ns + self._every_ns)
            return
        if session.stage is Stage.CONNECT:
            self._connected(session)
        else:
            session.receive()
        if session.stage is Stage.TLS and session.shake_hands():
            session.stage = Stage.UPGRADE
            session.ask_upgrade(f"{session.sock.getpeername()[0]}:{self._port}")
        elif session.stage is Stage.UPGRADE and session.upgraded():
            self._open(session)

    def _connected(self, session: Session) -> None:
        error = session.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        self._epoll.modify(session.sock, _READABLE)
        session.stage = Stage.TLS

    def _open(self, session: Session) -> None:
        session.stage = Stage.HELD
        session.due_ns = time.monotonic_ns() + self._every_ns
        self._schedule.append(session)
        self._opened += 1
        if self._opened == self._wanted:
            took_s = (time.monotonic_ns() - self._began_ns) / 1e9
            _say(mark="all_open", took_s=took_s, tls=session.tls.version())

    def _send_due(self) -> None:
        """All sessions have the same interval, so a queue in order of opening is the schedule."""
        now = time.monotonic_ns()
        schedule = self._schedule
        while schedule and schedule[0].due_ns <= now:
            session = schedule.popleft()
            session.due_ns += self._every_ns
            schedule.append(session)
            if session.payload:
                self._missed += 1
                continue
            self._pings += 1
            session.ping(self._pings.to_bytes(PAYLOAD_BYTES))


def _wake_on_sigterm() -> int:
    """A descriptor that becomes readable at SIGTERM or SIGINT."""
    receiver, sender = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(sender)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return receiver


def _say(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


def main() -> int:
    """`python -m bench.floor --port P --sessions N --every S`: 0, or 1 when a session failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", action="append", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--sessions", type=int, required=True)
    parser.add_argument("--every", type=float, required=True, help="seconds between pings")
    parser.add_argument("--ramp", type=float, default=0, help="seconds to spread the starts over")
    parser.add_argument("--in-flight", type=int, default=64)
    arguments = parser.parse_args()
    raise_file_limit()
    floor = Floor(arguments)
    try:
        floor.run()
    except (FloorError, OSError) as error:
        print(f"floor: {error}", file=sys.stderr)
        return 1
    floor.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
