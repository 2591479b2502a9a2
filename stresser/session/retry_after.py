"""How long a place waits before its next attempt: our own back-off, and what a refusal asks for.

That is Retry-After (RFC 9110 section 10.2.3).
"""

import random
import re
from email.utils import parsedate_to_datetime

from stresser.model.faults import HttpRefused, ProxyRefused
from stresser.model.units import NS_PER_S
from stresser.scenario.plan import Reconnect
from stresser.witness.clock import RunClock

LONGEST_S = 600.0
"""More is not heeded: whoever refuses must not be able to end the measurement."""
_SECONDS = re.compile(r"[0-9]{1,9}")


def retry_after_s(fault: Exception, clock: RunClock) -> float:
    """Seconds from now on; 0 where nothing was asked for, or nothing that HTTP allows."""
    if not isinstance(fault, HttpRefused | ProxyRefused):
        return 0.0
    asked = fault.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(asked):
        return min(float(asked), LONGEST_S)
    now_unix_s = (clock.anchor_unix_ns + clock.now_ns()) / NS_PER_S
    return min(max(_until(asked, now_unix_s), 0.0), LONGEST_S)


def back_off_s(reconnect: Reconnect, failures: int) -> float:
    """Seconds to wait before the next attempt: exponential, with jitter.

    After a session that was open the first wait applies again.
    """
    doublings = min(max(0, failures - 1), 32)
    wait: float = min(reconnect.initial.seconds * 2**doublings, reconnect.max.seconds)
    return wait * random.uniform(1 - reconnect.jitter, 1 + reconnect.jitter)  # noqa: S311 - jitter


def _until(date: str, now_unix_s: float) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - now_unix_s
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0
