"""What the end of a session of a search says of a limit on silence or age. Pure.

The sessions of a search that are not silent stand in cohorts beside it, named for what they do.
"""

from stresser.model.asked_value import AskedValue
from stresser.model.cohort import Cohort
from stresser.model.ending import Ending, Kind, Proof
from stresser.model.units import NS_PER_S

BUSY = "busy"
"""Those that ping so often that no limit of silence meets them."""
BUSY_EVERY_NS = NS_PER_S
PING, TCP_KEEPALIVE, UP = "ping", "tcp_keepalive", "up"
"""Those that beat in one way alone, within the limit."""
_TOLD = frozenset(
    {Kind.TCP_RESET, Kind.TCP_FIN, Kind.TLS_CLOSE_NOTIFY, Kind.TLS_ALERT, Kind.WS_CLOSE}
)


def beside(cohort: Cohort, what: str) -> Cohort:
    """The cohort of those sessions of a search that do this: `idle_search-ping`."""
    return cohort._replace(activity=f"{cohort.activity}-{what}")


def answer_of_silence(ending: Ending) -> AskedValue | None:
    """Alive or dead after its silence, in ns; None where the end proves neither."""
    return _answer(ending, ending.silence_ns or 0)


def answer_of_age(ending: Ending) -> AskedValue | None:
    """Alive or dead at its age."""
    return _answer(ending, ending.age_ns)


def _answer(ending: Ending, value_ns: int) -> AskedValue | None:
    if ending.planned:
        return AskedValue(value_ns, lived=True) if ending.proved is Proof.ALIVE else None
    if not ending.is_drop:
        return None
    if ending.kind is Kind.FOUND_DEAD:
        return AskedValue(value_ns, lived=False, at=ending.dead_by_ns)
    if ending.kind not in _TOLD:
        return None
    return AskedValue(value_ns, lived=False, is_dated=True, at=ending.dead_by_ns)
