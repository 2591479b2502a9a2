"""Which proxy new sessions take, where a PAC file names several: an event."""

from stresser.model.bounds import Whole
from stresser.model.event import Event


class ProxyChosen(Event, kw_only=True, tag="proxy_chosen"):
    """From now on new sessions of this endpoint go through this proxy, or directly.

    Told at the start of a run for each endpoint and egress that a PAC was asked about, and whenever
    that changes: a proxy failed, or is tried again and serves.
    """

    endpoint: str
    egress: str
    source: str
    """The PAC's file or URL."""
    url: str
    """What its FindProxyForURL was asked for: no path, no query."""
    answer: str
    """What that returned."""
    entries: list[str]
    """As stresser tries them, in order: `http://proxy.example.net:8080`, ..., `direct`."""
    chosen: str
    """One of those."""
    instead_of: str | None = None
    """The one that failed just now."""
    failure: str | None = None
    """How, as in its `attempt_failed`."""
    attempt: Whole | None = None
    """The attempt that failed, or that opened where one that had failed before serves again."""
    without_pac: str | None = None
    """Why this system's PAC could not be had: all goes directly, as its programs do."""
