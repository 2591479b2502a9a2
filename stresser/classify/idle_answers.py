"""What the end of a session of a search says of a limit on silence, age or bytes. Pure.

The sessions of a search that are not silent stand in cohorts beside it, named for what they do.
"""

from enum import StrEnum

from stresser.model.asked_value import AskedValue
from stresser.model.cohort import Cohort
from stresser.model.ending import Ending, Kind, Proof
from stresser.model.units import NS_PER_S

BUSY_EVERY_NS = NS_PER_S
_SAYS_SO = frozenset(
    {Kind.TCP_RESET, Kind.TCP_FIN, Kind.TLS_CLOSE_NOTIFY, Kind.TLS_ALERT, Kind.WS_CLOSE}
)
_UNANSWERED = frozenset({Kind.SILENCE, Kind.KERNEL_TIMEOUT})


class Beside(StrEnum):
    """What sessions beside a search do in the place of silence."""

    BUSY = "busy"
    """They ping so often that no limit of silence meets them."""
    TCP_KEEPALIVE = "tcp_keepalive"
    """This and those below break their silence as often, in one way alone."""
    UP = "up"
    DOWN = "down"
    ONE_BYTE = "one_byte"
    BIG_MESSAGE = "big_message"
    HEAVY = "heavy"
    """They carry many bytes."""
    HALF_HEAVY = "half_heavy"
    """Half as many in the same time."""
    TOGETHER = "together"
    """They are silent when nothing else passes through their egress, either."""


def beside(cohort: Cohort, what: Beside) -> Cohort:
    """The cohort of those sessions of a search that do this: `idle_search-busy`."""
    return cohort._replace(activity=f"{cohort.activity}-{what}")


def answer_of_silence(ending: Ending) -> AskedValue | None:
    """Alive or dead after its silence, in ns; None where the end proves neither.

    Who was found dead was so when it was asked: that is its moment, not when nothing had come back.
    Where it is known to have died before, its silence was over then.
    """
    silence_ns = min(ending.silence_ns or 0, ending.idle_ns or ending.silence_ns or 0)
    answer = _answer(ending, silence_ns)
    if answer is None or ending.kind is not Kind.FOUND_DEAD or ending.idle_ns is None:
        return answer
    return answer._replace(at=answer.at - max(ending.idle_ns - silence_ns, 0))


def answer_of_age(ending: Ending) -> AskedValue | None:
    """Alive or dead at its age; who beats is dead, too, where nothing is acknowledged any more."""
    if ending.is_drop and ending.kind in _UNANSWERED:
        return AskedValue(ending.age_ns, lived=False, at=ending.dead_by_ns)
    return _answer(ending, ending.age_ns)


def _answer(ending: Ending, value_ns: int) -> AskedValue | None:
    if ending.planned:
        is_alive = ending.proved is Proof.ALIVE
        return AskedValue(value_ns, lived=True, at=ending.dead_by_ns) if is_alive else None
    if not ending.is_drop:
        return None
    if ending.kind is Kind.FOUND_DEAD:
        return AskedValue(value_ns, lived=False, at=ending.dead_by_ns)
    if ending.kind not in _SAYS_SO:
        return None
    return AskedValue(value_ns, lived=False, is_dated=True, at=ending.dead_by_ns)
