"""How long a refusal asks us to stay away: Retry-After (RFC 9110 section 10.2.3)."""

import re
from email.utils import parsedate_to_datetime

from stresser.model.faults import HttpRefused, ProxyRefused
from stresser.model.units import NS_PER_S
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


def _until(date: str, now_unix_s: float) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - now_unix_s
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0
