"""Who ended a session, where both ends recorded it: the table of grade `reflector`. Pure.

The far end is our own `stresser reflect`: a healthy process that says of itself whether it closed.
Its kernel sends no RST and no FIN for a socket that it still holds. So what ended our side while
the far end had closed nothing came from in between. Where both met a reset, the second may be the
answer of a kernel whose socket the first had taken. The order is the precedence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from stresser.model.ending import BRACKETED, Ending, Grade, Initiator, Kind
from stresser.model.far_end import FarEnd
from stresser.model.units import NS_PER_S

_OVERRULED = frozenset({Initiator.UNKNOWN, Initiator.ENDPOINT, Initiator.MIDDLEBOX})
"""What this host or the tool did to itself, the far end cannot know better."""
_ANNOUNCED = frozenset(
    {
        Kind.TCP_RESET, Kind.TCP_FIN, Kind.TLS_CLOSE_NOTIFY, Kind.TLS_ALERT, Kind.WS_CLOSE,
        Kind.PROTOCOL_ERROR,
    }
)  # fmt: skip
_SILENT = BRACKETED - {Kind.HOST_SLEPT}


_CLOSING_NS = 2 * NS_PER_S
"""Closing many sessions takes a while: an end that the reflector brought about so soon after ours
may have been on its way to us."""


class BothEnds(NamedTuple):
    """What is judged."""

    ending: Ending
    far: FarEnd

    @property
    def far_closed(self) -> bool:
        """The reflector closed it itself, and may have done so before our end."""
        far = self.far
        at_ns = None if far.at_ns is None else far.at_ns - far.within_ns
        return far.kind is Kind.PLANNED and at_ns is not None and at_ns <= self.ending.dead_by_ns

    @property
    def far_lived(self) -> bool:
        """The reflector certainly held it still when our side had ended."""
        far, ended_ns = self.far, self.ending.dead_by_ns
        until_ns = far.known_until_ns if far.at_ns is None else far.at_ns
        if far.kind is Kind.PLANNED:
            until_ns -= _CLOSING_NS
        return until_ns - far.within_ns > ended_ns

    @property
    def ping_arrived(self) -> bool | None:
        """Whether the ping that nobody answered reached the reflector; None: it cannot be told."""
        sent_ns, far = self.ending.evidence.ping_sent_ns, self.far
        if sent_ns is None or far.last_in_ns is None:
            return None
        if far.last_in_ns + far.within_ns < sent_ns:
            return False
        if far.last_in_ns - far.within_ns > self.ending.dead_by_ns:
            return None  # it came when we had given up: a retransmission, or our goodbye
        return True if far.last_in_ns - far.within_ns >= sent_ns else None

    @property
    def was_answered(self) -> bool:
        """The reflector sent something after that ping had come."""
        far = self.far
        if far.last_out_ns is None or far.last_in_ns is None:
            return False
        return far.last_out_ns >= far.last_in_ns

    @property
    def path_is_steady(self) -> bool:
        """This host changed nothing on its own way to the endpoint."""
        evidence = self.ending.evidence
        return not evidence.path_changes and not evidence.route_changes


@dataclass(frozen=True, slots=True)
class ReflectorRule:
    """One row."""

    name: str
    kinds: frozenset[Kind]
    """How our side ended."""
    holds: Callable[[BothEnds], bool]
    initiator: Initiator
    says: str
    both: str
    """The same in a few words, of many sessions."""
    grade: Grade = Grade.REFLECTOR
    is_final: bool = True
    """The first that holds decides."""


REFLECTOR_RULES: tuple[ReflectorRule, ...] = (
    ReflectorRule(
        "far-end-closed",
        _ANNOUNCED | _SILENT,
        lambda both: both.far_closed,
        Initiator.ENDPOINT,
        "The reflector says that it closed this session itself, before it ended here.",
        "the far end says that it closed them",
    ),
    ReflectorRule(
        "far-end-was-reset-too",
        frozenset({Kind.TCP_RESET}),
        lambda both: both.far.kind is Kind.TCP_RESET,
        Initiator.MIDDLEBOX,
        "Both ends met a reset, and neither had closed: the first one was made in between.",
        "both ends met a reset and neither had closed",
    ),
    ReflectorRule(
        "far-end-still-held-it",
        _ANNOUNCED,
        lambda both: both.far_lived,
        Initiator.MIDDLEBOX,
        "The reflector still held this session when it had ended here, and had sent no end: "
        "something in between ended it towards this host.",
        "the far end still held them and had sent no end",
    ),
    ReflectorRule(
        "far-end-met-another-end",
        _ANNOUNCED,
        lambda both: both.far.kind not in {None, Kind.PLANNED, Kind.UNKNOWN},
        Initiator.MIDDLEBOX,
        "The session ended at the reflector too, and the reflector had not ended it: "
        "something in between ended both sides.",
        "both ends met an end and neither had brought it about",
    ),
    ReflectorRule(
        "acknowledged-in-between",
        frozenset({Kind.UNRESPONSIVE}),
        lambda both: both.ping_arrived is False and both.path_is_steady,
        Initiator.MIDDLEBOX,
        "Our ping was acknowledged, and it never reached the reflector: TCP ends in between.",
        "pings were acknowledged that never reached the far end",
    ),
    ReflectorRule(
        "lost-towards-far-end",
        _SILENT,
        lambda both: both.ping_arrived is False and both.path_is_steady,
        Initiator.MIDDLEBOX,
        "What we sent never reached the reflector: the path towards it lost it.",
        "what was sent never reached the far end",
    ),
    ReflectorRule(
        "far-end-did-not-answer",
        _SILENT,
        lambda both: both.ping_arrived is True and not both.was_answered,
        Initiator.ENDPOINT,
        "Our ping reached the reflector, and it sent no answer.",
        "pings reached the far end, which sent no answer",
    ),
    ReflectorRule(
        "lost-towards-us",
        _SILENT,
        lambda both: both.ping_arrived is True and both.was_answered and both.path_is_steady,
        Initiator.MIDDLEBOX,
        "Our ping reached the reflector, and the path back lost its answer.",
        "pings reached the far end and its answers were lost",
    ),
    ReflectorRule(
        "far-end-outlived-it",
        frozenset({Kind.FOUND_DEAD}),
        lambda both: both.far_lived or both.far.kind is Kind.TCP_RESET,
        Initiator.MIDDLEBOX,
        "It was dead here, and the reflector had not ended it: something in between had.",
        "the far end had not ended what was dead here",
    ),
)

FAR_BY_NAME = {rule.name: rule for rule in REFLECTOR_RULES}


def judged_by_both_ends(ending: Ending, far: FarEnd) -> Ending:
    """The same ending with what the far end saw, and with whom that names."""
    evidence = replace(ending.evidence, far_end=far)
    both = BothEnds(ending, far)
    rule = next(
        (one for one in REFLECTOR_RULES if ending.kind in one.kinds and one.holds(both)), None
    )
    if rule is None or ending.initiator not in _OVERRULED:
        return replace(ending, evidence=evidence)
    agrees = ending.initiator is rule.initiator
    before = evidence.why if ending.initiator is not Initiator.UNKNOWN else []
    why = [rule.name, *(before if agrees else [])]
    against = [*evidence.against, *([] if agrees else before)]
    evidence = replace(evidence, why=why, against=against)
    return replace(ending, initiator=rule.initiator, grade=Grade.REFLECTOR, evidence=evidence)
