"""One cohort's figures, counted event by event.

Session time needs no table of open sessions: it is the ages of the ended ones plus, for those
still open, now minus the times at which they opened, and the sum of those times is one figure.
"""

from collections import Counter
from typing import NamedTuple

from stresser.model.chain import UNDECIDED_ROOTS, TlsFacts
from stresser.model.ending import Ending, Initiator, Kind, NoDrop, Phase, Proof
from stresser.model.events import (
    AttemptFailed,
    RunResumed,
    SessionEnded,
    SessionOpened,
)
from stresser.model.shared_chains import SharedChains
from stresser.model.units import NS_PER_S
from stresser.statistics.sample_range import SampleRange

NS_PER_HOUR = 3600 * NS_PER_S
_MOST_CHAINS = 32
_MOST_FAILURES = 64
_MOST_CODES = 16
_LONGEST_FAILURE = 80
OTHER = "(others)"
"""Stands for all that a table had no room for."""


class FailureKey(NamedTuple):
    """What failed attempts have in common."""

    phase: Phase
    kind: Kind
    failure: str


class FailedBy(NamedTuple):
    """Where an attempt failed, at what, and who did it: closed lists, so they are few."""

    phase: Phase
    kind: Kind
    initiator: Initiator


class DropGroup:
    """The drops of one cohort that are of one kind."""

    __slots__ = (
        "age",
        "answer",
        "bracket",
        "broken_silence",
        "codes",
        "count",
        "idle",
        "initiators",
    )

    def __init__(self) -> None:
        self.count = 0
        self.initiators: Counter[Initiator] = Counter()
        self.codes: Counter[str] = Counter()
        """WebSocket close codes or TLS alert numbers."""
        self.age = SampleRange()
        """From the opening to the first proof of the end."""
        self.idle = SampleRange()
        """From the last byte in either direction to the first proof of the end."""
        self.bracket = SampleRange()
        """From the last proof of life to the first proof of the end: how well it is dated."""
        self.answer = SampleRange()
        """Of drops that came in answer to something we sent into a silence: from that send."""
        self.broken_silence = SampleRange()
        """Of the same drops: how long that silence had been."""

    def add(self, ending: Ending) -> None:
        """Count one drop."""
        self.count += 1
        self.initiators[ending.initiator] += 1
        self.age.add(ending.age_ns)
        if ending.idle_ns is not None:
            self.idle.add(ending.idle_ns)
        self.bracket.add(ending.dead_by_ns - ending.alive_at_ns)
        since_ns, silence_ns = ending.evidence.since_sent_ns, ending.silence_ns
        if ending.answers_send and since_ns is not None and silence_ns is not None:
            self.answer.add(since_ns)
            self.broken_silence.add(silence_ns)
        code = ending.code if ending.code is not None else ending.alert
        if code is not None:
            _count_bounded(self.codes, str(code), _MOST_CODES)

    def merge(self, other: "DropGroup") -> None:
        """Count all that the other has counted."""
        self.count += other.count
        self.initiators.update(other.initiators)
        for code, count in other.codes.items():
            _count_bounded(self.codes, code, _MOST_CODES, count)
        self.age.merge(other.age)
        self.idle.merge(other.idle)
        self.bracket.merge(other.bracket)
        self.answer.merge(other.answer)
        self.broken_silence.merge(other.broken_silence)


class CohortTally:
    """Figures of one cohort, or of several that were merged."""

    def __init__(self, shared: SharedChains | None = None) -> None:
        self._shared = SharedChains() if shared is None else shared
        """Which chains the endpoint shows through all egresses."""
        self._accused: Counter[str] = Counter()
        """Handshakes whose chain looks like an interceptor's, by chain."""
        self.requested = 0
        self.opened = 0
        self.first_opened = 0
        """Of `opened`: those that replace no other session."""
        self.failed = 0
        self.cut_attempts = 0
        """Attempts that the end of the run cut short: neither opened nor failed."""
        self.open = 0
        self.peak_open = 0
        self.drop_groups: dict[Kind, DropGroup] = {}
        self.by_host = 0
        """Sessions that ended while this host slept or gave stresser no CPU: no drops."""
        self.by_tool = 0
        """Sessions and attempts that ended through limits or lateness of stresser: no drops."""
        self.planned = 0
        """Sessions that lived until the plan ended them."""
        self.replaced = 0
        """Of `planned`: closed while the run went on, to prove that they lived."""
        self.proved = 0
        """Of `planned`: something came back to the close, or a pong had come before."""
        self.unproved = 0
        """Of `planned`: nothing shows that the session lived to its end."""
        self.held_back = 0
        """Sessions that were not read for a while: their peer sent more than their share."""
        self.held_back_ns = 0
        self.failures: Counter[FailureKey] = Counter()
        self.failed_by: Counter[FailedBy] = Counter()
        """The same failures by who did it."""
        self.recovery = SampleRange()
        self.handshakes = 0
        """Attempts of which the certificate chain is known."""
        self.unverified = 0
        """Of `handshakes`: the chain did not verify."""
        self.judged = 0
        """Of `handshakes`: there is a verdict on who ends TLS."""
        self.more_intercepted = 0
        """Of other chains than those of `_accused`."""
        self.more_undecided = 0
        self.unmatched_endings = 0
        """Endings of sessions whose opening is not recorded."""
        self.cut_off = 0
        """Sessions that were open when the run's process ended, and the run went on later."""
        self._first_opened_before = 0
        """`first_opened` of the part of the run, before the last gap, that opened most."""
        self._ended_age_ns = self._opened_at_sum_ns = self._unasked_ns = 0
        """The last: session time that nobody asked for, because the run did not run."""

    @property
    def attempts(self) -> int:
        """Attempts that opened or failed."""
        return self.opened + self.failed

    @property
    def never_opened(self) -> int:
        """Of the requested sessions: those that no attempt ever established."""
        return max(self.requested - max(self.first_opened, self._first_opened_before), 0)

    @property
    def drops(self) -> int:
        """Unplanned endings in phase `held`, those by the host's sleep or by the tool apart."""
        return sum(group.count for group in self.drop_groups.values())

    def endings_of(self, kind: Kind) -> int:
        """Unplanned endings of one kind in phase `held`; also of those that are no drops."""
        if kind is Kind.HOST_SLEPT:
            return self.by_host
        if kind is Kind.TOOL:
            return self.by_tool
        return self.drop_groups[kind].count if kind in self.drop_groups else 0

    @property
    def sessions_open(self) -> int:
        """Sessions that are open, or were when the run ended them."""
        return self.open + self.planned - self.replaced

    def session_time_ns(self, now_ns: int) -> int:
        """Time held by all sessions together until `now_ns`."""
        return self._ended_age_ns + max(self.open * now_ns - self._opened_at_sum_ns, 0)

    def drops_per_session_hour(self, now_ns: int) -> float | None:
        """Drops divided by hours of session time; None when no time was held."""
        held_ns = self.session_time_ns(now_ns)
        return self.drops / (held_ns / NS_PER_HOUR) if held_ns else None

    def open_ratio(self, now_ns: int) -> float | None:
        """Session time divided by requested sessions times the run's time, ramp included."""
        wanted_ns = self.requested * now_ns - self._unasked_ns
        return min(self.session_time_ns(now_ns) / wanted_ns, 1.0) if wanted_ns > 0 else None

    def session_opened(self, event: SessionOpened) -> None:
        """Count a session that opened."""
        self.opened += 1
        self.first_opened += event.replaces is None
        self.open += 1
        self.peak_open = max(self.peak_open, self.open)
        self._opened_at_sum_ns += event.t_ns
        if event.tls is not None:
            self._handshake(event.tls)
        if event.recovery_ns is not None:
            self.recovery.add(event.recovery_ns)

    def attempt_failed(self, event: AttemptFailed) -> None:
        """Count an attempt that did not become a session."""
        if event.tls is not None:
            self._handshake(event.tls)
        elif event.ending.kind is Kind.CERTIFICATE and event.ending.phase is not Phase.PROXY:
            self.handshakes += 1
            self.unverified += 1
        ending = event.ending
        if ending.planned:
            self.cut_attempts += 1
            return
        self.failed += 1
        self.by_tool += ending.no_drop is NoDrop.TOOL
        failure = (ending.failure or "none")[:_LONGEST_FAILURE]
        self._count_failure(FailureKey(ending.phase, ending.kind, failure), 1)
        self.failed_by[FailedBy(ending.phase, ending.kind, ending.initiator)] += 1

    def session_ended(self, event: SessionEnded) -> None:
        """Count the ending of a session: a drop, or as planned."""
        ending = event.ending
        self._close(ending)
        self.held_back += event.held_back_ns > 0
        self.held_back_ns += event.held_back_ns
        if ending.is_drop:
            group = self.drop_groups.get(ending.kind)
            if group is None:
                group = self.drop_groups[ending.kind] = DropGroup()
            group.add(ending)
        elif ending.no_drop is NoDrop.TOOL:
            self.by_tool += 1
        elif ending.no_drop is not NoDrop.PLANNED:
            self.by_host += 1
        else:
            self.planned += 1
            self.replaced += event.replaced
            is_proved = ending.proved is Proof.ALIVE or event.pongs > 0
            self.proved += is_proved
            self.unproved += not is_proved

    def run_resumed(self, event: RunResumed) -> None:
        """The run did not run for a while: open sessions are censored where it left off.

        Those that the plan ended then are no more the last ones.
        """
        self._ended_age_ns = self.session_time_ns(event.since_ns)
        self.cut_off += self.open
        self.open = self._opened_at_sum_ns = 0
        self.replaced = self.planned
        self._first_opened_before = max(self._first_opened_before, self.first_opened)
        self.first_opened = 0
        self._unasked_ns += self.requested * event.gap_ns

    @property
    def intercepted(self) -> int:
        """Of `judged`: the chain is an interceptor's. One that every egress shows is not."""
        return self.more_intercepted + sum(self._accused.values()) - self._acquitted

    @property
    def undecided(self) -> int:
        """Of `judged`: the endpoint may have shown the chain as well as an interceptor.

        It leads to a root that is unknown here, or came through every egress.
        """
        return self.more_undecided + self._acquitted

    @property
    def _acquitted(self) -> int:
        shared = self._shared
        return sum(count for chain, count in self._accused.items() if shared.is_shared(chain))

    def merge(self, other: "CohortTally") -> None:
        """Count all that the other has counted."""
        for name, value in vars(other).items():
            if isinstance(value, int):
                setattr(self, name, getattr(self, name) + value)
        self.more_intercepted += other.intercepted - other.more_intercepted
        self.more_undecided += other.undecided - other.more_undecided
        for kind, group in other.drop_groups.items():
            self.drop_groups.setdefault(kind, DropGroup()).merge(group)
        for key, count in other.failures.items():
            self._count_failure(key, count)
        self.failed_by.update(other.failed_by)
        self.recovery.merge(other.recovery)

    def _count_failure(self, key: FailureKey, count: int) -> None:
        if key not in self.failures and len(self.failures) >= _MOST_FAILURES:
            key = key._replace(failure=OTHER)
        self.failures[key] += count

    def _handshake(self, tls: TlsFacts) -> None:
        self.handshakes += 1
        self.unverified += not tls.verified
        if tls.chain_class is not None:
            self.judged += 1
            if not tls.intercepted:
                self.more_undecided += tls.root in UNDECIDED_ROOTS
            elif tls.chain in self._accused or len(self._accused) < _MOST_CHAINS:
                self._accused[tls.chain] += 1
            else:
                self.more_intercepted += 1

    def _close(self, ending: Ending) -> None:
        age_ns = max(ending.age_ns, 0)
        self._ended_age_ns += age_ns
        if self.open == 0:
            self.unmatched_endings += 1
            return
        self.open -= 1
        self._opened_at_sum_ns -= ending.dead_by_ns - age_ns
        if self.open == 0:
            # Openings and endings are dated by different clock readings; forget the residue.
            self._opened_at_sum_ns = 0


def _count_bounded(counts: Counter[str], key: str, most: int, by: int = 1) -> None:
    counts[key if key in counts or len(counts) < most else OTHER] += by
