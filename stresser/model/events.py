"""What happened, as it is written to `events.jsonl`: one object a line, append only.

`stresser schema events` prints the JSON Schema of these.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Protocol, TypeAlias

from msgspec import Meta, field

from stresser.model.bounds import Whole
from stresser.model.chain import ChainClass, ChainRoot, TlsFacts
from stresser.model.client_hello import HelloSent
from stresser.model.cohort import Cohort
from stresser.model.ending import Ending, Kind
from stresser.model.event import Event
from stresser.model.evidence import TcpInfo
from stresser.model.far_end import AnsweredPing, FarEnd
from stresser.model.hops import Hops
from stresser.model.kill import Kill
from stresser.model.path_change import PathChange
from stresser.model.proxy_chosen import ProxyChosen
from stresser.model.quantity import Quantity
from stresser.model.unfit import UnfitCause

MOST_ALSO = 32
"""Failed attempts that one event stands for, besides its own."""
_cohort: Callable[[str, str, str], Cohort] = lru_cache(1000)(Cohort)
"""The same few in ten thousands of events: each is kept once."""


class ResolvedBy(StrEnum):
    """Who looks an endpoint's name up."""

    HOST = "host"
    """This host's resolver, whatever the egress."""
    PROXY = "proxy"


class RunStarted(Event, kw_only=True, tag="run_started"):
    """The first line."""

    scenario: str
    sessions_requested: Whole
    cohorts: list[Cohort]


class RunEnded(Event, kw_only=True, tag="run_ended"):
    """The last line, unless the run crashed."""

    reason: str
    """`duration`, `signal SIGINT`, ..., in words."""
    unrecorded_events: Whole = 0
    unrecorded_samples: Whole = 0
    """Samples out of a histogram's range."""


class RunResumed(Event, kw_only=True, tag="run_resumed"):
    """The run goes on in its folder, after its process had ended (`--resume`).

    Sessions that are open before it have no ending: they lived until `since_ns` at least. Nothing
    was held, and nothing is known, from then on.
    """

    since_ns: Whole
    """The last sign of the run before."""
    why: str
    """How it had ended: `crashed`, or in the words of its `run_ended`."""

    @property
    def gap_ns(self) -> int:
        """For how long it did not run."""
        return max(self.t_ns - self.since_ns, 0)


class WorkerEnded(Event, kw_only=True, tag="worker_ended"):
    """A process that held a part of the sessions died unasked; the others went on.

    Each session that was open there has its `session_ended`, of `tool`: no drop.
    """

    worker: Whole
    """Its number, from 1: it wrote in `workers/N/`."""
    workers: Whole
    """How many there were."""
    how: str
    """In words: `killed by SIGKILL`."""
    sessions: Whole
    """How many it held."""


class CohortEvent(Event, kw_only=True):
    """An event of one cohort."""

    endpoint: str
    egress: str
    activity: str

    @property
    def cohort(self) -> Cohort:
        """The cohort it belongs to."""
        return _cohort(self.endpoint, self.egress, self.activity)


class SessionOpened(CohortEvent, kw_only=True, tag="session_opened"):
    """An attempt succeeded."""

    session: Whole
    attempt: Whole
    phases_ns: dict[str, Whole]
    """Duration of each step of the handshake that this way has, none of them counted twice."""
    local: str
    """`address:port`, IPv6 in brackets."""
    remote: str
    """The endpoint's `address:port`; `name:port` where a proxy looked the name up."""
    proxy: str | None = None
    """Scheme and address of the proxy that was dialled."""
    resolved_by: ResolvedBy | None = None
    """Who looked the endpoint's name up; left out where an address was given."""
    hello: HelloSent | None = None
    """The ClientHello that it sent to the endpoint."""
    tls: TlsFacts | None = None
    """Left out where there is no TLS."""
    subprotocol: str | None = None
    replaces: Whole | None = None
    """The session whose ending led to this attempt."""
    recovery_ns: Whole | None = None
    """From the detection of that ending to this opening."""


class Ended(CohortEvent, kw_only=True):
    """An attempt or a session stopped.

    In `events.jsonl` the fields of the ending stand among these (`record.event_lines`).
    """

    attempt: Whole
    local: str | None = None
    remote: str | None = None
    proxy: str | None = None
    """Scheme and address of the proxy that was dialled."""
    ending: Ending


class AttemptFailed(Ended, kw_only=True, tag="attempt_failed"):
    """An attempt did not become a session."""

    phases_ns: dict[str, Whole] = field(default_factory=dict)
    """Duration of each step of the handshake that was completed."""
    resolved_by: ResolvedBy | None = None
    """Who looked the endpoint's name up, as far as it came to that."""
    hello: HelloSent | None = None
    """The ClientHello that it sent to the endpoint, if it came so far."""
    tls: TlsFacts | None = None
    """When the TLS handshake was completed."""
    also: Annotated[list[Whole], Meta(max_length=MOST_ALSO)] = field(default_factory=list)
    """Attempts that failed alike just before this one, and have no event of their own."""
    since_ns: Whole | None = None
    """When the first of those failed."""


class SessionEnded(Ended, kw_only=True, tag="session_ended"):
    """A session stopped: dropped, or ended as planned (censored)."""

    session: Whole
    pings: Whole = 0
    pongs: Whole = 0
    quiet_survived_ns: Whole = 0
    """The longest silence, as measured, that ended with a ping of ours which was answered."""
    messages: Whole = 0
    """Data messages (or, for `tls`, reads) that the peer sent and that were drained."""
    bytes_received: Whole = 0
    bytes_sent: Whole = 0
    held_back_ns: Whole = 0
    """For how long stresser did not read on: the peer had sent more than a session's share."""
    replaced: bool = False
    """The plan ended it before the run ended, to prove that it lived, and opens another."""


class ChainSeen(CohortEvent, kw_only=True, tag="chain_seen"):
    """A cohort met this certificate chain for the first time."""

    chain: str
    verified: bool
    problem: str | None
    certificates: list[dict[str, Any]]
    """Leaf first: subject, issuer, not_before, not_after, names, sha256; texts cut at 256."""
    chain_class: ChainClass | None = None
    """The verdict; None: it was not judged."""
    root: ChainRoot | None = None
    """Whose root it leads to, with dates and names left aside."""
    intercepted: bool = False
    """The chain is an interceptor's."""
    why: str | None = None
    """What the verdict rests on."""
    product: str | None = None
    """An inspection product that the issuers are named like. Never of a public chain."""
    product_is_weak: bool = False
    """Others are named like that, too."""
    names_match: bool | None = None
    """The leaf is for the name that was asked for; None: its names cannot be read."""
    missing_issuer: str | None = None
    """Whose certificate the path lacks, where it is unknown here."""
    issuer_url: str | None = None
    """Where the certificate below says that it may be fetched (RFC 5280 section 4.2.2.1)."""
    spki_sha256: str | None = None
    """SHA-256 of the leaf's public key (SubjectPublicKeyInfo), in hex."""
    issuer: str | None = None
    """The leaf's issuer."""
    issuer_organisation: str | None = None
    not_before: str | None = None
    """The leaf's validity, ISO 8601."""
    not_after: str | None = None
    scts: Whole | None = None
    """Signed certificate timestamps embedded in the leaf (RFC 6962); None: it cannot be read."""
    ocsp_staple: bool | None = None
    """Whether the server stapled an OCSP answer; None: not visible. This version's TLS neither
    asks for one nor could show one."""
    file: str | None = None
    """Where in the run folder the chain is, PEM; None: it was not kept."""


class AddressesSeen(CohortEvent, kw_only=True, tag="addresses_seen"):
    """A look-up of ours gave addresses that this endpoint had not had through this egress."""

    name: str
    addresses: list[str]
    """All of this look-up, at most 64."""


class HopsSeen(CohortEvent, kw_only=True, tag="hops_seen"):
    """The routers that a healthy session's own segments pass; told again when they change."""

    session: Whole
    remote: str
    """Where the flow goes: the endpoint's `address:port`, or the proxy's."""
    proxy: str | None = None
    """Scheme and address of the proxy: then these are the hops to it."""
    hops: Hops
    before: Hops = field(default_factory=list)
    """What they were, where they have changed."""


class HostSlept(Event, kw_only=True, tag="host_slept"):
    """The host was suspended; sessions cannot be judged over this time."""

    slept_ns: Whole


class ClockStepped(Event, kw_only=True, tag="clock_stepped"):
    """The wall clock was set; `utc` of all events still follows the run's anchor."""

    step_ns: Whole


class TesterLate(Event, kw_only=True, tag="tester_late"):
    """stresser itself was late: its own times in this window are upper bounds."""

    late_ns: Whole
    cause: UnfitCause = UnfitCause.UNKNOWN
    """What kept it, where the kernel's accounts of CPU and waiting show it."""


class PathChanged(Event, kw_only=True, tag="path_changed"):
    """This host's way to the network changed. `t_ns` is when the loop learned of it."""

    change: PathChange
    interface: str | None = None
    is_tunnel: bool = False
    """The interface is a tunnel: by its kind, its hardware type or, as `detail` then says, its
    name."""
    detail: str = ""
    """In words, for a reader; names in it are as this host has them."""
    since_ns: Whole | None = None
    """Of `many` and `overrun`: when the changes began that it sums up."""
    counts: dict[str, Whole] = field(default_factory=dict)
    """Of `many`: how many of each change."""


class WitnessGap(Event, kw_only=True, tag="witness_gap"):
    """A witness could not see all: what it did not see is no evidence of absence."""

    witness: str
    detail: str


class LabKilled(Event, kw_only=True, tag="lab_killed"):
    """A middlebox of the lab says that it ended this flow. Only where the scenario has a lab."""

    endpoint: str
    egress: str
    kill: Kill
    rule: str
    """The middlebox's key that asked for it: `idle_timeout`, `age_limit`, ..."""
    client_port: Whole
    """Local TCP port of our end."""
    idle_ns: Whole
    """Since the last byte in either direction, as the middlebox saw it."""


class ReflectionOpened(Event, kw_only=True, tag="reflection_opened"):
    """A session of a tester that named itself reached this reflector."""

    number: Whole
    """Of the connection, in this record."""
    run: str
    """The tester's run, by its random id."""
    attempt: Whole
    """The tester's number of the attempt."""
    scheme: str
    """`wss` or `tls`."""
    local: str
    peer: str
    """The tester's `address:port` as seen here."""
    accepted_ns: Whole
    """When TCP was accepted."""


class ReflectionHeld(Event, kw_only=True, tag="reflection_held"):
    """A session that named itself, as this reflector sees it while it holds it. Never recorded."""

    number: Whole
    run: str
    attempt: Whole
    bytes_received: Whole = 0
    """Plaintext."""
    bytes_sent: Whole = 0
    last_in_ns: Whole
    last_out_ns: Whole | None = None
    info: TcpInfo | None = None
    """The kernel's account of now; of the end, where it has ended."""
    ping: AnsweredPing | None = None
    """None: none was answered, or it has ended."""


class ReflectionEnded(ReflectionHeld, kw_only=True, tag="reflection_ended"):
    """A session that named itself stopped, as this reflector saw it."""

    kind: Kind
    """`planned`: this reflector closed it."""
    code: Whole | None = None
    """WebSocket close code that the tester sent."""
    raw: str | None = None
    """The untranslated error."""


class FarEndSeen(Event, kw_only=True, tag="far_end_seen"):
    """What a reflector recorded of a session of this run. `t_ns` is when that came to be known."""

    session: Whole
    far_end: FarEnd


AnyEvent: TypeAlias = (
    RunStarted
    | RunEnded
    | RunResumed
    | WorkerEnded
    | SessionOpened
    | AttemptFailed
    | SessionEnded
    | ChainSeen
    | AddressesSeen
    | HopsSeen
    | ProxyChosen
    | HostSlept
    | ClockStepped
    | TesterLate
    | WitnessGap
    | PathChanged
    | LabKilled
    | ReflectionOpened
    | ReflectionEnded
    | FarEndSeen
)


class Observer(Protocol):
    """Who hears while a run goes on: recorder, live view, metrics.

    Both methods are called from the event loop and must not block.
    """

    def event(self, event: AnyEvent) -> None:
        """Something happened."""

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        """A duration was measured."""
