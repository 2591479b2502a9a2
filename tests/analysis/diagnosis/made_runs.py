"""Made-up runs and their diagnoses, without a folder."""

from typing import Any

from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.diagnose import Diagnoses, diagnose
from stresser.analysis.diagnosis.diagnosis import Diagnosis
from stresser.analysis.diagnosis.run_evidence import RunEvidence
from stresser.analysis.patterns.causes import find_causes
from stresser.analysis.patterns.session_lives import Lives
from stresser.model.chain import ChainClass, ChainRoot, TlsFacts
from stresser.model.cohort import Cohort
from stresser.model.ending import BRACKETED, Initiator, Kind, Phase, Proof
from stresser.model.events import LabKilled, PathChanged
from stresser.model.kill import Kill
from stresser.model.path_change import PathChange
from tests.analysis.story import Story, facts_of, seconds, utc

PINGS = {"often": "1s", "seldom": "6s", "hb": "2s"}
TLS = TlsFacts(version="TLSv1.3", cipher="c", alpn=None, chain="c1", verified=True)
INTERCEPTED = facts_of("i1", ChainClass.PRIVATE_TRUSTED, ChainRoot.HOST, intercepted=True)
SAID = ("endpoint-said-so",)
STRANGER: dict[str, Any] = {
    "t_ns": 0, "interface": "eth0", "outgoing": False, "flags": "R", "shape": "no_socket_reset",
    "ttl": 63, "syn_ack_ttl": 63, "data_ttl": 63, "hops": 1, "peer_hops": 1, "ip_id": 0,
    "data_ip_id": 0, "df": True, "data_df": True, "window": 0, "seq_offset": 0,
    "after_send_ns": 10**6, "resets": 1, "ignored": 0,
    "signals": [{"name": "ttl_matches", "reading": "own_peer"}],
}  # fmt: skip
"""The reset of a host as far away as the peer, that knows no such connection."""


def cohort(egress: str, activity: str = "hb", endpoint: str = "server") -> Cohort:
    return Cohort(endpoint, egress, activity)


def look(egress: str, result: str, endpoint: str = "server", **more: Any) -> dict[str, Any]:
    """What a fresh connection met."""
    seen = {"egress": egress, "endpoint": endpoint, "result": result, "remote": "198.51.100.1:443"}
    return seen | {"asked_ns": 0, "answered_ns": 1} | more


class MadeRun:
    """Sessions with what a session's own evidence says of their endings."""

    def __init__(
        self, *cohorts: Cohort, activities: dict[str, dict[str, Any]] | None = None
    ) -> None:
        self.story = Story(list(cohorts), 10)
        self._until = 0.0
        every = [{"name": name, "kind": "heartbeat", "every": e} for name, e in PINGS.items()]
        quiet = [{"name": "quiet", "kind": "silent"}]
        more = [
            {"name": name, "kind": "heartbeat"} | keys for name, keys in (activities or {}).items()
        ]
        names = list(dict.fromkeys(one.endpoint for one in cohorts))
        self.scenario: dict[str, Any] = {
            "endpoints": [{"name": n, "url": "wss://broker.example.net/"} for n in names],
            "activities": every + quiet + more,
        }

    def opens(self, of: Cohort, at: float, tls: TlsFacts = TLS, **fields: Any) -> int:
        session = self.story.opens(of, at, tls)
        self._change(**{"local": f"192.0.2.1:{40000 + session}"} | fields)
        return session

    def drops(
        self,
        session: int,
        at: float,
        kind: Kind,
        *,
        alive: float | None = None,
        idle: float = 0.5,
        why: tuple[str, ...] = ("nothing-decides",),
        evidence: dict[str, Any] | None = None,
        fields: dict[str, Any] | None = None,
        **ending: Any,
    ) -> None:
        """A drop that nothing was sent before, or (`alive`) one that is only bracketed."""
        said = {"initiator": Initiator.ENDPOINT} if why == SAID else {}
        known = {"why": list(why), "since_sent_ns": seconds(idle)} | (evidence or {})
        if kind in BRACKETED and (fields or {}).get("pongs", 3):
            known.setdefault("idle_before_send_ns", seconds(2))
        times = {} if alive is None else {"alive_at_ns": seconds(alive)}
        self.story.drops(session, at, kind, idle=idle, evidence=known, **said | times | ending)
        local = f"192.0.2.1:{40000 + session}"
        defaults = {"local": local, "remote": "198.51.100.1:443", "pings": 3, "pongs": 3}
        self._change(**defaults | (fields or {}))

    def lives(
        self, session: int, at: float, *, answered: bool = True, silent: float = 1, **fields: Any
    ) -> None:
        """The plan ends it after so long a silence; it answered the close."""
        proved = Proof.ALIVE if answered else Proof.UNPROVED
        self.story.ends_as_planned(
            session, at, phase=Phase.CLOSING, proved=proved, idle_ns=seconds(silent)
        )
        self._change(**{"remote": "198.51.100.1:443", "pings": 5, "pongs": 5} | fields)
        self._until = max(self._until, at)

    def fails(
        self,
        of: Cohort,
        at: float,
        kind: Kind,
        phase: Phase,
        why: tuple[str, ...] = ("nothing-decides",),
        fields: dict[str, Any] | None = None,
        evidence: dict[str, Any] | None = None,
        **ending: Any,
    ) -> None:
        known = {"why": list(why)} | (evidence or {})
        self.story.fails(of, at, kind=kind, phase=phase, evidence=known, **ending)
        self._change(**{"remote": "198.51.100.1:443"} | (fields or {}))

    def path_changes(self, at: float, change: PathChange = PathChange.ROUTE_REMOVED) -> None:
        event = PathChanged(t_ns=seconds(at), utc=utc(seconds(at)), change=change, detail="gone")
        self.story.events.append(event)

    def lab_kills(self, of: Cohort, session: int, at: float, rule: str) -> None:
        self.story.events.append(
            LabKilled(
                t_ns=seconds(at),
                utc=utc(seconds(at)),
                endpoint=of.endpoint,
                egress=of.egress,
                kill=Kill.RESET,
                rule=rule,
                client_port=40000 + session,
                idle_ns=seconds(4),
            )
        )

    @property
    def until_ns(self) -> int:
        """When the plan ended it."""
        return seconds(self._until)

    def case(self) -> CaseFile:
        """All that is known of it."""
        plan = read_plan(self.scenario)
        lives, tally = Lives(plan), Tally()
        evidence = RunEvidence(tally.served)
        for event in self.story.events:
            for collector in (tally, lives, evidence):
                collector.event(event)
        lives.close(self.until_ns)
        causes = find_causes(lives, plan)
        return CaseFile(
            plan=plan, lives=lives, causes=causes, evidence=evidence, chains=tally.served
        )

    def diagnosed(self) -> Diagnoses:
        """What explains it."""
        return diagnose(self.case(), utc)

    def only(self) -> Diagnosis:
        """Its one diagnosis."""
        [one] = self.diagnosed().diagnoses
        return one

    def _change(self, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self.story.events[-1], name, value)


def answers(one: Diagnosis) -> tuple[str, str, str, str]:
    """What the right answers name."""
    return one.mechanism.value, one.where.value, one.who.value, one.ask.whom.value
