"""One row of the table from evidence to initiator, and the case that it is asked of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from stresser.classify.observations import Observations
from stresser.model.ending import Grade, Initiator, Kind

_HTTP_SERVER_ERROR = 500
_SOCKS_OWN_WILL = frozenset(
    {
        "socks_connection_not_allowed",
        "socks_command_not_supported",
        "socks_address_not_supported",
        "socks_authentication_required",
        "socks_authentication_failed",
    }
)


class Case(NamedTuple):
    """What is judged."""

    kind: Kind
    failure: str | None
    seen: Observations
    failed_here: bool = False
    """The error came at once from this host's own kernel: no packet left."""
    status: int | None = None
    """What HTTP or SOCKS answered."""

    @property
    def proxy_decided(self) -> bool:
        """As `decided_by_proxy`."""
        return decided_by_proxy(self.failure, self.status)


@dataclass(frozen=True, slots=True)
class Rule:
    """One row."""

    name: str
    kinds: frozenset[Kind] | None
    """The kinds of ending that it speaks of; None: all."""
    holds: Callable[[Case], bool]
    initiator: Initiator
    grade: Grade
    says: str
    """What was seen and what follows from it, for the network team."""
    is_final: bool = False
    """No other rule is asked: nothing else matters then."""


def decided_by_proxy(failure: str | None, status: int | None) -> bool:
    """Whether a proxy's own rule refused: HTTP 3xx and 4xx, SOCKS replies of that meaning.

    The rest is news of what lies behind it, or of its own trouble: squid says 503 of a dead
    endpoint, tinyproxy 500, mitmproxy 502, ncat 504.
    """
    if failure in _SOCKS_OWN_WILL:
        return True
    is_http = failure is not None and failure.startswith("proxy_http_")
    return is_http and status is not None and status < _HTTP_SERVER_ERROR
