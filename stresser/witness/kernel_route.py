"""The kernel's own answer to "how do I reach this destination from this source, by this device".

RTM_GETROUTE (rtnetlink(7), `ip route get`) goes through rules, tables, families, metrics, devices
and source addresses as a packet of the session would. Asked when a session opens and whenever
something on this host's path has changed, it says which changes concern a session: a route that
the session does not use changes no answer. A question takes about 20 us.
"""

import errno
import os
import socket
import struct
import sys
from collections import deque
from typing import NamedTuple

from stresser.witness.clock import RunClock
from stresser.witness.netlink import RouteFound, route_found, route_request

MOST_QUESTIONS = 256
_CHANGES_KEPT = 256
_RECEIVE_BYTES = 8192


class RouteQuestion(NamedTuple):
    """What a socket asks of the kernel with each packet."""

    destination: str
    port: int
    source: str | None = None
    device: str | None = None


class RouteAnswer(NamedTuple):
    """How the kernel sends there now."""

    kind: str
    """`unicast`, `local`, ...; `none` where it cannot: see `error`."""
    device: str | None
    gateway: str | None
    """None: the destination is on the device's own link."""
    source: str | None
    """The address that the kernel would choose, where none is chosen."""
    error: str | None = None

    @property
    def words(self) -> str:
        """`via 192.0.2.1 dev eth0`."""
        if self.error is not None:
            return self.error
        via = "" if self.gateway is None else f"via {self.gateway} "
        kind = "" if self.kind == "unicast" else f"{self.kind} "
        return f"{kind}{via}dev {self.device}"


class AnswerChanged(NamedTuple):
    """The kernel sends otherwise than before. Times: run clock, ns."""

    t_ns: int
    """When that was noticed."""
    before: RouteAnswer
    after: RouteAnswer


class KernelRoutes:
    """Asks the kernel, and remembers since when it answers otherwise. Never raises.

    Elsewhere than on Linux nothing is known.
    """

    def __init__(self, clock: RunClock) -> None:
        self._clock = clock
        self._socket: socket.socket | None = None
        self._asked = 0
        self._answers: dict[RouteQuestion, RouteAnswer] = {}
        self._asked_ns: dict[RouteQuestion, int] = {}
        self._changes: dict[RouteQuestion, deque[AnswerChanged]] = {}

    def open(self) -> None:
        """Be able to ask."""
        if sys.platform != "linux":
            return
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            self._socket.setblocking(False)  # noqa: FBT003 - the socket module's signature
        except OSError:
            self.close()

    def close(self) -> None:
        """Stop asking."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ask(self, question: RouteQuestion) -> RouteAnswer | None:
        """How the kernel would send now; None: it does not tell."""
        if self._socket is None:
            return None
        index = 0
        if question.device is not None:
            try:
                index = socket.if_nametoindex(question.device)
            except OSError:
                return _cannot(errno.ENODEV)
        try:
            return self._answer(question, index)
        except (OSError, ValueError, struct.error):
            return None

    def _answer(self, question: RouteQuestion, index: int) -> RouteAnswer | None:
        assert self._socket is not None  # noqa: S101 - `ask` has looked
        self._asked += 1
        request = route_request(
            self._asked, question.destination, question.port, question.source, index
        )
        self._socket.sendto(request, (0, 0))
        while True:  # the kernel has answered within the call; what is older is passed over
            data, sender = self._socket.recvfrom(_RECEIVE_BYTES)
            found = route_found(data, self._asked) if sender[0] == 0 else None
            if found is not None:
                return _cannot(found.error) if found.error else _in_words(found)

    def watch(self, question: RouteQuestion, within_ns: int = 0) -> RouteAnswer | None:
        """Ask, and from now on remember when the answer becomes another.

        An answer that is known, and not older than `within_ns`, is one: hundreds of sessions that
        open at once do not each ask the same.
        """
        now_ns = self._clock.now_ns()
        if now_ns - self._asked_ns.get(question, now_ns - within_ns) < within_ns:
            return self._answers[question]
        answer = self.ask(question)
        if answer is not None and (
            question in self._answers or len(self._answers) < MOST_QUESTIONS
        ):
            self._asked_ns[question] = now_ns
            self._note(question, answer)
        return answer

    def look(self) -> None:
        """Something on the path has changed: ask everything again."""
        for question in list(self._answers):
            answer = self.ask(question)
            if answer is not None:
                self._note(question, answer)

    def changes(self, question: RouteQuestion, from_ns: int, until_ns: int) -> list[AnswerChanged]:
        """When the answer became another, in a window."""
        found = self._changes.get(question, ())
        return [change for change in found if from_ns <= change.t_ns <= until_ns]

    def _note(self, question: RouteQuestion, answer: RouteAnswer) -> None:
        before = self._answers.get(question)
        self._answers[question] = answer
        if before is not None and before != answer:
            kept = self._changes.setdefault(question, deque(maxlen=_CHANGES_KEPT))
            kept.append(AnswerChanged(self._clock.now_ns(), before, answer))


_KINDS = {1: "unicast", 2: "local", 3: "broadcast", 5: "multicast"}


def _in_words(found: RouteFound) -> RouteAnswer:
    kind = _KINDS.get(found.kind, f"kind {found.kind}")
    return RouteAnswer(kind, _name(found.device), found.gateway, found.source)


def _cannot(error: int) -> RouteAnswer:
    return RouteAnswer("none", None, None, None, os.strerror(error))


def _name(index: int) -> str | None:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return None if index == 0 else f"interface {index}"
