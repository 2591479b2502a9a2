"""Events of made-up runs, and the folder that such a run would leave, for tests."""

from pathlib import Path
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from stresser.classify.standing import make_ending
from stresser.model.chain import ChainClass, ChainRoot, TlsFacts
from stresser.model.cohort import Cohort
from stresser.model.ending import Ending, Grade, Initiator, Kind, Phase, Proof
from stresser.model.events import (
    AnyEvent,
    AttemptFailed,
    ChainSeen,
    RunEnded,
    RunStarted,
    SessionEnded,
    SessionOpened,
)
from stresser.model.evidence import Evidence
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.record.events_file import encode_event
from stresser.record.folder import RunFolder
from stresser.record.histogram_log import Key
from stresser.record.host_facts import this_process
from stresser.record.manifest import Manifest, ProcessIdentity, Status, write_manifest
from stresser.record.reader import RecordedRun, open_run
from stresser.record.writer import Batch, FolderWriter
from stresser.statistics.duration_counts import SparseCounts

DIRECT = Cohort("broker", "direct", "heartbeat")
VPN = Cohort("broker", "vpn", "heartbeat")
GOOD_CHAIN = TlsFacts(
    version="TLSv1.3", cipher="TLS_AES_128_GCM_SHA256", alpn=None, chain="c1", verified=True
)
BAD_CHAIN = TlsFacts(
    version="TLSv1.3",
    cipher="TLS_AES_128_GCM_SHA256",
    alpn=None,
    chain="c2",
    verified=False,
    problem="self-signed certificate in certificate chain",
)


def facts_of(
    chain: str,
    chain_class: ChainClass,
    root: ChainRoot,
    *,
    intercepted: bool = False,
    **changes: Any,
) -> TlsFacts:
    """A handshake whose chain was judged."""
    fields: dict[str, Any] = {
        "version": "TLSv1.3",
        "cipher": "TLS_AES_128_GCM_SHA256",
        "alpn": None,
    }
    return TlsFacts(
        **(fields | changes),
        chain=chain,
        verified=chain_class in {ChainClass.PUBLIC, ChainClass.DECLARED},
        chain_class=chain_class,
        root=root,
        intercepted=intercepted,
    )


PUBLIC_TLS = facts_of("p1", ChainClass.PUBLIC, ChainRoot.MOZILLA)
INSPECTED_TLS = facts_of("i1", ChainClass.PRIVATE_TRUSTED, ChainRoot.HOST, intercepted=True)
UNKNOWN_TLS = facts_of("u1", ChainClass.PRIVATE_UNTRUSTED, ChainRoot.OTHER)


def chain_seen(cohort: Cohort, tls: TlsFacts, at: float = 0, **changes: Any) -> ChainSeen:
    """What is told of a chain: by default as of a public one with two timestamps."""
    fields: dict[str, Any] = {
        "why": "its root is one of Mozilla's",
        "issuer": "CN=R11, O=Let's Encrypt",
        "issuer_organisation": "Let's Encrypt",
        "spki_sha256": f"key of {tls.chain}",
        "scts": 2,
        "names_match": True,
        "problem": tls.problem,
        "certificates": [],
    }
    if tls.root is not ChainRoot.MOZILLA:
        fields |= {
            "why": "its root (of CN=Corp Inspection) is trusted by this host, but it is no public "
            "one and not declared",
            "issuer": "CN=Corp Inspection",
            "issuer_organisation": None,
            "scts": 0,
        }
    return ChainSeen(
        t_ns=seconds(at),
        utc=utc(seconds(at)),
        **cohort._asdict(),
        chain=tls.chain,
        verified=tls.verified,
        chain_class=tls.chain_class,
        root=tls.root,
        intercepted=tls.intercepted,
        **(fields | changes),
    )


def seconds(value: float) -> int:
    return round(value * NS_PER_S)


def dice(seed: int) -> Random:
    """Chance that a test can repeat."""
    return Random(seed)  # noqa: S311 - a simulation


def utc(t_ns: int) -> str:
    hours, rest = divmod(t_ns // 1000, 3_600_000_000)
    minutes, micros = divmod(rest, 60_000_000)
    return f"2026-11-23T{hours % 24:02}:{minutes:02}:{micros / 1e6:09.6f}Z"


def made_ending(kind: Kind = Kind.TCP_RESET, *, at: float = 5, **changes: Any) -> Ending:
    """A drop of a session that opened one second before `at` and was silent for half a second."""
    fields: dict[str, Any] = {
        "phase": Phase.HELD,
        "kind": kind,
        "failure": "connection_reset",
        "initiator": Initiator.UNKNOWN,
        "grade": Grade.ERRNO,
        "planned": False,
        "age_ns": seconds(1),
        "idle_ns": seconds(0.5),
        "alive_at_ns": seconds(at - 0.5),
        "dead_by_ns": seconds(at),
        "detected_at_ns": seconds(at),
    }
    evidence = msgspec.convert(changes.pop("evidence", {}), Evidence)
    return make_ending(**(fields | changes), evidence=evidence)


SCENARIO: dict[str, Any] = {
    "name": "made-up",
    "duration": "1m",
    "endpoints": [{"name": "broker", "url": "wss://broker.example.net/"}],
    "egresses": [{"name": "direct"}, {"name": "vpn"}],
    "activities": [{"name": "heartbeat", "kind": "heartbeat", "every": "15s"}],
    "thresholds": {},
}
_STARTED_UNIX_NS = 1_795_392_000 * NS_PER_S  # 2026-11-23T00:00:00Z


def gone_process() -> ProcessIdentity:
    """A process of this host that is no more: its number is larger than any (pid_max, proc(5))."""
    return replace(this_process(), pid=2**22 + 1)


class Story:
    """Makes a run's events in order; times are seconds since the run began."""

    def __init__(self, cohorts: list[Cohort], sessions_each: int) -> None:
        self.events: list[AnyEvent] = [
            RunStarted(
                t_ns=0,
                utc=utc(0),
                scenario="made-up",
                sessions_requested=sessions_each * len(cohorts),
                cohorts=cohorts,
            )
        ]
        self._counts: dict[Key, SparseCounts] = {}
        self._attempt = 0
        self._session = 0
        self._opened_at: dict[int, float] = {}
        self._cohort_of: dict[int, Cohort] = {}

    def opens(
        self, cohort: Cohort, at: float, tls: TlsFacts | None = GOOD_CHAIN, **changes: Any
    ) -> int:
        self._attempt += 1
        self._session += 1
        self._opened_at[self._session] = at
        self._cohort_of[self._session] = cohort
        phases = {"connect": 2 * NS_PER_MS, "tls": 8 * NS_PER_MS, "upgrade": 4 * NS_PER_MS}
        phases = changes.pop("phases_ns", phases)
        event = SessionOpened(
            t_ns=seconds(at),
            utc=utc(seconds(at)),
            endpoint=cohort.endpoint,
            egress=cohort.egress,
            activity=cohort.activity,
            session=self._session,
            attempt=self._attempt,
            phases_ns=phases,
            local="192.0.2.1:40000",
            remote="198.51.100.1:443",
            tls=tls,
            **changes,
        )
        self.events.append(event)
        return self._session

    def drops(
        self,
        session: int,
        at: float,
        kind: Kind = Kind.TCP_RESET,
        *,
        idle: float = 4,
        **changes: Any,
    ) -> None:
        age = seconds(at) - seconds(self._opened_at[session])
        fields = {
            "age_ns": age,
            "idle_ns": seconds(idle),
            "alive_at_ns": seconds(at) - seconds(idle),
            **changes,
        }
        self._ends(session, at, made_ending(kind, at=at, **fields))

    def ends_as_planned(self, session: int, at: float, **changes: Any) -> None:
        replaced = changes.pop("replaced", False)
        fields = {
            "planned": True,
            "proved": Proof.ALIVE,
            "failure": None,
            "initiator": Initiator.PLAN,
            "age_ns": seconds(at) - seconds(self._opened_at[session]),
            **changes,
        }
        self._ends(session, at, made_ending(Kind.PLANNED, at=at, **fields))
        self.events[-1] = msgspec.structs.replace(self.events[-1], replaced=replaced)

    def fails(self, cohort: Cohort, at: float, **changes: Any) -> None:
        self._attempt += 1
        fields: dict[str, Any] = {
            "phase": Phase.CONNECT,
            "failure": "connection_refused",
            "age_ns": 3 * NS_PER_MS,
            "idle_ns": None,
        }
        own = {name: changes.pop(name) for name in ("tls", "phases_ns") if name in changes}
        kind = changes.pop("kind", Kind.REFUSED)
        ending = made_ending(kind, at=at, **(fields | changes))
        self.events.append(
            AttemptFailed(**self._common(cohort, at, ending), attempt=self._attempt, **own)
        )

    def stops(self, at: float, reason: str = "duration", **changes: Any) -> None:
        self.events.append(
            RunEnded(t_ns=seconds(at), utc=utc(seconds(at)), reason=reason, **changes)
        )

    def samples(self, quantity: Quantity, cohort: Cohort | None, *values_ms: float) -> None:
        counts = self._counts.setdefault((quantity, cohort), SparseCounts())
        for value in values_ms:
            counts.add(round(value * NS_PER_MS))

    def recorded(
        self,
        path: Path,
        *,
        status: Status = Status.COMPLETE,
        is_alive: bool = False,
        scenario: dict[str, Any] | None = None,
        histograms_until: float | None = None,
        **changes: Any,
    ) -> RecordedRun:
        """Write the run folder as a run would leave it, and open it."""
        path.mkdir(exist_ok=True)
        folder = RunFolder(path)
        manifest = Manifest(
            stresser="0.0.0",
            scenario=SCENARIO if scenario is None else scenario,
            status=status,
            started_utc=utc(0),
            anchor_unix_ns=_STARTED_UNIX_NS,
            process=this_process() if is_alive else gone_process(),
            **changes,
        )
        write_manifest(folder.manifest, manifest)
        writer = FolderWriter(folder, _STARTED_UNIX_NS)
        lines = bytearray(b"".join(encode_event(event) for event in self.events))
        until = self.events[-1].t_ns if histograms_until is None else seconds(histograms_until)
        writer.write(Batch(lines, self._counts, until, ends_interval=True))
        writer.close()
        return open_run(path)

    def _ends(self, session: int, at: float, ending: Ending) -> None:
        cohort = self._cohort_of[session]
        self.events.append(
            SessionEnded(**self._common(cohort, at, ending), attempt=session, session=session)
        )

    def _common(self, cohort: Cohort, at: float, ending: Ending) -> dict[str, Any]:
        return {
            "t_ns": seconds(at),
            "utc": utc(seconds(at)),
            **cohort._asdict(),
            "ending": ending,
        }


def idle_kill_story() -> Story:
    """20 sessions direct that live, 20 through the VPN that are reset after 4 s of silence."""
    story = Story([DIRECT, VPN], 20)
    direct = [story.opens(DIRECT, 0.1 * n) for n in range(20)]
    vpn = [story.opens(VPN, 2 + 0.1 * n) for n in range(20)]
    for n, session in enumerate(vpn):
        silent = 4 + 0.001 * n
        story.drops(session, 2 + 0.1 * n + silent + 0.2 * n, idle=silent)
    for session in direct:
        story.ends_as_planned(session, 60)
    story.stops(60)
    return story
