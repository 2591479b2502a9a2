"""What has happened so far, counted: the one source of figures, live and replayed.

A `Tally` takes each event once, in order: while a run goes on by the run itself, afterwards
by replaying `events.jsonl`. Memory does not grow with the length of a run nor with what a
damaged or hostile file says: each table has a stated limit, and what is beyond it is counted.
"""

from collections import Counter, deque
from typing import NamedTuple

from stresser.analysis.counts.chain_tally import ChainTally
from stresser.analysis.counts.cohort_tally import CohortTally
from stresser.analysis.counts.far_tally import BothEndsFigures, FarTally
from stresser.analysis.counts.percentiles import Distributions
from stresser.analysis.counts.proxy_tally import ProxyTally
from stresser.analysis.counts.resolved_addresses import Sites
from stresser.model.cohort import Cohort, Pair
from stresser.model.events import (
    AddressesSeen,
    AnyEvent,
    AttemptFailed,
    ChainSeen,
    ClockStepped,
    CohortEvent,
    FarEndSeen,
    HopsSeen,
    HostSlept,
    LabKilled,
    PathChanged,
    ResolvedBy,
    RunEnded,
    RunResumed,
    RunStarted,
    SessionEnded,
    SessionOpened,
    TesterLate,
    WitnessGap,
    WorkerEnded,
)
from stresser.model.kill import Kill
from stresser.model.path_change import PathChange
from stresser.model.proxy_chosen import ProxyChosen
from stresser.model.unfit import UNFIT_LAG_NS, UnfitCause
from stresser.model.units import NS_PER_S

LAST_ENDINGS = 10
_MOST_COHORTS = 10_000
_MOST_CHAINS = 256
_MOST_WITNESSES = 32
_MOST_PATH_CHANGES = 10
_MOST_RESUMED = 10
_MOST_WORKERS_ENDED = 10


class LabKill(NamedTuple):
    """What a lab middlebox does to flows to one endpoint."""

    endpoint: str
    egress: str
    rule: str
    kill: Kill


class Tally:
    """Figures of one run, for each cohort and in total."""

    def __init__(self, last_endings: int = LAST_ENDINGS) -> None:
        self.started: RunStarted | None = None
        self.ended: RunEnded | None = None
        self.now_ns = 0
        """Time of the latest event."""
        self.cohorts: dict[Cohort, CohortTally] = {}
        self.chains: dict[str, ChainSeen] = {}
        self.sites = Sites()
        self.served = ChainTally()
        """Which chains each way to an endpoint showed."""
        self._far: dict[str, FarTally] = {}
        self.last_drops: deque[SessionEnded] = deque(maxlen=last_endings)
        self.last_failures: deque[AttemptFailed] = deque(maxlen=last_endings)
        self.lab_kills: Counter[LabKill] = Counter()
        """Flows that the lab's middleboxes say they ended."""
        self.events = 0
        self.uncounted_events = 0
        """Events of more cohorts than a run can have."""
        self.sleeps = self.slept_ns = 0
        self.clock_steps = 0
        self.clock_stepped_ns = 0
        self.late = 0
        self.latest_ns = 0
        """The longest that stresser was late."""
        self.witness_gaps: dict[str, str] = {}
        """What each witness could not see, as it said last."""
        self.late_causes: Counter[UnfitCause] = Counter()
        self.unfit_ns = 0
        """How long stresser was too late to judge sessions, in all."""
        self._latest_unfit = 0, 0
        self.resumed: deque[RunResumed] = deque(maxlen=_MOST_RESUMED)
        """The last few times that the run went on after its process had ended."""
        self.resumptions = 0
        self.gaps_ns = 0
        """For how long it did not run, in all."""
        self.workers_ended = 0
        """Processes that died unasked."""
        self.lost_with_workers = 0
        """Sessions that those held."""
        self.first_workers_ended: list[WorkerEnded] = []
        """The first few of them."""
        self.hops: dict[Pair, list[HopsSeen]] = {}
        """Of each endpoint and egress the path that was seen first, and the latest change of it."""
        self.most_opened = 0
        """Sessions that opened in the busiest second."""
        self._second = self._opened_in_second = 0
        self.proxies = ProxyTally()
        self.path_changes = 0
        """Also those that are recorded only by their number."""
        self.first_path_changes: list[PathChanged] = []
        """The first few events of them."""

    def event(self, event: AnyEvent) -> None:
        """Count one event."""
        self.events += 1
        self.now_ns = max(self.now_ns, event.t_ns)
        if isinstance(event, CohortEvent):
            self._cohort_event(event)
        else:
            self._run_event(event)

    def cohort(self, cohort: Cohort) -> CohortTally | None:
        """The cohort's figures; None when there are more cohorts than a run can have."""
        figures = self.cohorts.get(cohort)
        if figures is None and len(self.cohorts) < _MOST_COHORTS:
            shared = self.served.shared(cohort.endpoint)
            figures = self.cohorts[cohort] = CohortTally(shared)
        return figures

    def total(self) -> CohortTally:
        """All cohorts together. `peak_open` is the sum of the cohorts' peaks."""
        total = CohortTally()
        for figures in self.cohorts.values():
            total.merge(figures)
        return total

    def both_ends(self, distributions: Distributions) -> list[BothEndsFigures]:
        """What the far ends add up to, by egress; empty where no reflector gave an account."""
        return [one.figures(egress, distributions) for egress, one in self._far.items()]

    def _far_end(self, event: SessionEnded) -> None:
        far = event.ending.evidence.far_end
        if far is not None:
            self._far.setdefault(event.egress, FarTally()).ended(event, far)

    def _cohort_event(self, event: CohortEvent) -> None:
        figures = self.cohort(event.cohort)
        self.served.event(event)
        if figures is None:
            self.uncounted_events += 1
        elif isinstance(event, SessionEnded):
            figures.session_ended(event)
            self._far_end(event)
            if event.ending.is_drop:
                self.last_drops.append(event)
        elif isinstance(event, SessionOpened):
            figures.session_opened(event)
            self._opened_at(event.t_ns)
            if event.resolved_by is ResolvedBy.PROXY:
                self.sites.resolved_by_proxy(event.endpoint, event.egress)
        elif isinstance(event, AttemptFailed):
            figures.attempt_failed(event)
            if not event.ending.planned:
                self.last_failures.append(event)
        else:
            self._seen_of_pair(event)

    def _seen_of_pair(self, event: CohortEvent) -> None:
        if isinstance(event, ChainSeen) and len(self.chains) < _MOST_CHAINS:
            self.chains.setdefault(event.chain, event)
        elif isinstance(event, AddressesSeen):
            self.sites.looked_up(event.endpoint, event.egress, event.addresses)
        elif isinstance(event, HopsSeen):
            self._hops_seen(event)

    def _opened_at(self, t_ns: int) -> None:
        second = t_ns // NS_PER_S
        self._opened_in_second = self._opened_in_second + 1 if second == self._second else 1
        self._second = second
        self.most_opened = max(self.most_opened, self._opened_in_second)

    def _run_event(self, event: AnyEvent) -> None:
        match event:
            case RunStarted():
                self._run_started(event)
            case RunEnded():
                self.ended = event
            case RunResumed():
                self._run_resumed(event)
            case WorkerEnded():
                self._worker_ended(event)
            case LabKilled():
                self._lab_killed(event)
            case ProxyChosen():
                self.proxies.event(event)
            case FarEndSeen():
                pass  # of an ending that was counted
            case _:
                self._host_event(event)

    def _host_event(self, event: AnyEvent) -> None:
        match event:
            case HostSlept():
                self.sleeps += 1
                self.slept_ns += max(event.slept_ns, 0)
            case ClockStepped():
                self.clock_steps += 1
                self.clock_stepped_ns += event.step_ns
            case WitnessGap() if len(self.witness_gaps) < _MOST_WITNESSES:
                self.witness_gaps[event.witness] = event.detail
            case TesterLate():
                self._tester_late(event)
            case PathChanged():
                self._path_changed(event)
            case _:
                self.uncounted_events += 1

    def _run_resumed(self, event: RunResumed) -> None:
        self.ended = None
        self.resumed.append(event)
        self.resumptions += 1
        self.gaps_ns += event.gap_ns
        for figures in self.cohorts.values():
            figures.run_resumed(event)

    def _worker_ended(self, event: WorkerEnded) -> None:
        self.workers_ended += 1
        self.lost_with_workers += event.sessions
        if self.workers_ended <= _MOST_WORKERS_ENDED:
            self.first_workers_ended.append(event)

    def _tester_late(self, event: TesterLate) -> None:
        self.late += 1
        self.late_causes[event.cause] += 1
        self.latest_ns = max(self.latest_ns, event.late_ns)
        if event.late_ns >= UNFIT_LAG_NS:
            self._unfit(event.t_ns, event.t_ns + event.late_ns)

    def _unfit(self, from_ns: int, until_ns: int) -> None:
        """Time in which several workers were unfit counts once: events come by when it began.

        Of those that come later (the live view hears of each worker in turn) what was before the
        latest windows counts in full: rather too much than too little.
        """
        first_ns, last_ns = self._latest_unfit
        before_ns = min(until_ns, first_ns) - from_ns
        self.unfit_ns += max(before_ns, 0) + max(until_ns - max(from_ns, last_ns), 0)
        if from_ns > last_ns:
            self._latest_unfit = from_ns, until_ns
        elif until_ns >= first_ns:
            self._latest_unfit = min(from_ns, first_ns), max(until_ns, last_ns)

    def _hops_seen(self, event: HopsSeen) -> None:
        # Of cohorts that are counted alone: there are no more than those.
        known = self.hops.setdefault(event.cohort.pair, [event])
        if event.before:
            known[1:] = [event]

    def _path_changed(self, event: PathChanged) -> None:
        if event.change is PathChange.MANY:
            self.path_changes += sum(max(number, 0) for number in event.counts.values())
        elif event.change is not PathChange.OVERRUN:
            self.path_changes += 1
        if len(self.first_path_changes) < _MOST_PATH_CHANGES:
            self.first_path_changes.append(event)

    def _lab_killed(self, event: LabKilled) -> None:
        kill = LabKill(event.endpoint, event.egress, event.rule, event.kill)
        if kill in self.lab_kills or len(self.lab_kills) < _MOST_COHORTS:
            self.lab_kills[kill] += 1
        else:
            self.uncounted_events += 1

    def _run_started(self, event: RunStarted) -> None:
        self.started = event
        for cohort in event.cohorts[:_MOST_COHORTS]:
            figures = self.cohort(cohort)
            if figures is not None:
                figures.requested = max(event.sessions_requested, 0) // len(event.cohorts)
