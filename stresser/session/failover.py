"""Which of several proxies the next attempt of one place takes: each once, then all anew.

As browsers fail over: to the next entry at once where a proxy cannot be reached or does not do its
part of the handshake; not where it answers and refuses (407, 403, 502), nor for what the endpoint
does behind it.
"""

from collections import deque

from stresser.classify.errno_table import meaning_of
from stresser.model.ending import Kind, Phase
from stresser.model.faults import (
    CertificateRejected,
    DeadlinePassed,
    Fault,
    NameNotResolved,
    PeerAlert,
    PeerCloseNotify,
    PeerFin,
)
from stresser.model.proxy_chosen import ProxyChosen
from stresser.session.attempt import Attempt
from stresser.session.route import Route
from stresser.session.run_context import RunContext

_LONGEST_WORDS = 120
_NO_ANSWER = (
    DeadlinePassed, NameNotResolved, PeerFin, PeerCloseNotify, PeerAlert, CertificateRejected,
)  # fmt: skip
"""Of a proxy; what it says to CONNECT is another matter."""


class Failover:
    """One for each place in a cohort."""

    __slots__ = ("_left", "_route")

    def __init__(self, route: Route) -> None:
        self._route = route
        self._left: deque[int] = deque()

    def next(self) -> Route:
        """What the next attempt takes."""
        entries = self._route.entries
        if entries is None:
            return self._route
        if not self._left:
            self._left.extend(entries.order())
        return self._route.through_entry(self._left.popleft())

    def has_failed(self, attempt: Attempt, fault: Exception, around: RunContext) -> bool:
        """Whether the next attempt is to be made at once, through another entry."""
        entries = self._route.entries
        if entries is None:
            return False
        if not is_unserved(attempt, fault):
            self._left.clear()
            return False
        entries.failed(attempt.route.entry)
        if not self._left:
            return False
        after = attempt.route.entry, _words(fault)
        _tell(entries.taken(self._left[0], around.clock, attempt.number, after), around)
        return True

    def has_opened(self, attempt: Attempt, around: RunContext) -> None:
        """The next attempt begins anew."""
        entries = self._route.entries
        if entries is not None:
            self._left.clear()
            _tell(entries.taken(attempt.route.entry, around.clock, attempt.number), around)


def _tell(chosen: ProxyChosen | None, around: RunContext) -> None:
    if chosen is not None:
        around.observer.event(chosen)


def _words(fault: Exception) -> str:
    text = fault.strerror if isinstance(fault, OSError) else None
    return (text or str(fault) or type(fault).__name__)[:_LONGEST_WORDS]


def is_unserved(attempt: Attempt, fault: Exception) -> bool:
    """Whether an attempt failed by its proxy, or, where it went directly, by finding no peer."""
    if isinstance(fault, OSError):
        chosen = attempt.route.binding.source is not None
        if meaning_of(fault, local_address_chosen=chosen).kind is Kind.TOOL:
            return False
    elif isinstance(fault, Fault) and not isinstance(fault, _NO_ANSWER):
        return False
    phase = attempt.before_phase or attempt.phase
    if attempt.route.proxy is None:
        return phase in {Phase.RESOLVE, Phase.CONNECT}
    if phase is Phase.RESOLVE:
        return attempt.proxy_address is None
    return phase is Phase.PROXY
