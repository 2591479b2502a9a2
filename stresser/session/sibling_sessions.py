"""Sessions to the same server: that one of them lives on tells a lost flow from a lost server.

A host that answers our ping with a RST because it knows no such connection has either lost all of
them (it was started anew) or never saw this flow under these addresses (a box in between forgot
or changed it). Another session, older than this one's last proof of life, whose ping is answered
after this one's end, decides that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import trio

from stresser.model.evidence import SiblingAlive


@dataclass(slots=True)
class _Question:
    older_than_ns: int
    alive_after_ns: int
    answer: SiblingAlive | None = None
    answered: trio.Event = field(default_factory=trio.Event)


class Server:
    """The sessions to one server address, as far as somebody asks about them."""

    __slots__ = ("_questions",)

    def __init__(self) -> None:
        self._questions: list[_Question] = []

    @property
    def is_asked(self) -> bool:
        """Whether `answered` has anybody to tell: looked at for each pong."""
        return bool(self._questions)

    def answered(self, session: int, egress: str, opened_ns: int, ping_sent_ns: int) -> None:
        """A session's ping, sent at `ping_sent_ns`, was answered."""
        for question in self._questions:
            if opened_ns <= question.older_than_ns and ping_sent_ns >= question.alive_after_ns:
                question.answer = SiblingAlive(
                    session=session, egress=egress, answered_ns=ping_sent_ns
                )
                question.answered.set()

    async def anybody(
        self, older_than_ns: int, alive_after_ns: int, within_s: float
    ) -> SiblingAlive | None:
        """The first session opened before one moment that answers a ping sent after another."""
        question = _Question(older_than_ns, alive_after_ns)
        with self._asking(question), trio.move_on_after(within_s):
            await question.answered.wait()
        return question.answer

    @contextmanager
    def _asking(self, question: _Question) -> Iterator[None]:
        self._questions.append(question)
        try:
            yield
        finally:
            self._questions.remove(question)


class Neighbours:
    """All servers of a run."""

    def __init__(self) -> None:
        self._servers: dict[str, Server] = {}

    def of(self, host: str) -> Server:
        """The server at an address. A run dials few: the table is never cleared."""
        return self._servers.setdefault(host, Server())
