"""The quantities that are recorded as histograms: the names live here once.

All are durations in nanoseconds.
"""

from enum import StrEnum


class Quantity(StrEnum):
    """What a histogram counts."""

    BEFORE = "before"
    """The three below together: the HTTPS request that comes before a session."""
    BEFORE_CONNECT = "before_connect"
    """Its look-up, TCP and proxy."""
    BEFORE_TLS = "before_tls"
    BEFORE_ANSWER = "before_answer"
    """From the request to the end of its answer."""
    RESOLVE = "resolve"
    CONNECT = "connect"
    PROXY = "proxy"
    """The three below together: from dialling the proxy to its word that the way is open."""
    PROXY_CONNECT = "proxy_connect"
    """TCP to the proxy; such a session has no `connect`."""
    PROXY_TLS = "proxy_tls"
    """TLS with the proxy itself, where its scheme is https."""
    PROXY_TUNNEL = "proxy_tunnel"
    """The CONNECT or SOCKS exchange."""
    TLS = "tls"
    UPGRADE = "upgrade"
    OPEN = "open"
    """The first messages, from the first that is sent to the last that is awaited."""
    RTT = "rtt"
    """Pong received minus ping *scheduled*: no coordinated omission."""
    SEND_LAG = "send_lag"
    """Ping sent minus ping scheduled: our own lateness."""
    VARIATION_THERE = "variation_there"
    """By how much a ping took longer to a reflector than the fastest of its 20 seconds did."""
    VARIATION_BACK = "variation_back"
    """The same of the answers from there."""
    LOOP_LAG = "loop_lag"
    """How late the event loop woke a task that was due. Of the whole run, no cohort."""
    AGE_AT_DROP = "age_at_drop"
    RECOVERY = "recovery"
    """From the end of a session to the opening of the one that replaces it."""


BEFORE_STEPS = (Quantity.BEFORE_CONNECT, Quantity.BEFORE_TLS, Quantity.BEFORE_ANSWER)
PROXY_STEPS = (Quantity.PROXY_CONNECT, Quantity.PROXY_TLS, Quantity.PROXY_TUNNEL)
"""What `proxy` is made of, in their order."""
HIGHEST_NS = 40 * 86_400 * 1_000_000_000
"""Largest recordable value: forty days."""
SIGNIFICANT_DIGITS = 3
