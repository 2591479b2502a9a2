"""Runs of which the right answer is known: relatives of real situations, played.

Numbers of sessions, egresses and endpoints, kinds of ending and mixtures of causes vary; the answer
does not: mechanism, where, who, whom to ask, of each diagnosis that explains something.
"""

from collections.abc import Iterable
from typing import Any

from stresser.model.cohort import Cohort
from stresser.model.ending import Kind, Phase
from tests.analysis.diagnosis.made_runs import INTERCEPTED, SAID, TLS, cohort
from tests.analysis.diagnosis.simulated import (
    Cause,
    Closed,
    Seat,
    World,
    age,
    chance_of,
    idle,
    moments,
    through,
    to,
)
from tests.analysis.diagnosis.situations import CTL, FLOW_ALONE, HOST, MIDDLEBOX, OWN_STACK, SUS

Answer = tuple[str, str, str, str]
NETWORK = ("middlebox", "network_team")
PROXY = ("middlebox", "proxy_team")
OWNER = ("endpoint", "service_owner")
NO_ONE = ("unknown", "nobody")
S, T = through(SUS), through(CTL)
SELDOM: dict[str, float | None] = {"seldom": 6.0, "often": 1.0}
QUIET: dict[str, float | None] = {"hb": 2.0, "quiet": None}
BOTH = (SUS, CTL)
WORDS: dict[str, Any] = {"kind": Kind.WS_CLOSE, "ending": {"why": SAID, "code": 1001}}
NOTIFY: dict[str, Any] = {"kind": Kind.TLS_CLOSE_NOTIFY, "ending": {"why": SAID}}
SILENT: dict[str, Any] = {"kind": Kind.SILENCE}
STRANGER: dict[str, Any] = {"kind": Kind.TCP_RESET, "answers": True}
"""Who is asked by the next ping knows no such connection."""


def ways(
    *egresses: str, acts: Iterable[str] = ("hb",), to_: Iterable[str] = ("server",)
) -> list[Cohort]:
    """All cohorts of these."""
    acts = list(acts)
    return [cohort(egress, act, one) for one in to_ for egress in egresses for act in acts]


def by_proxy(of: Cohort) -> str | None:
    return "http://192.0.2.9:3128" if of.egress == SUS else None


def other_machine(of: Cohort) -> str:
    return "203.0.113.9:443" if of.egress == CTL else "198.51.100.1:443"


def dual(of: Cohort) -> str:
    return "[2001:db8::1]:443" if of.activity else ""


def drain(seat: Seat, chance: Any) -> float | None:
    """Within ten seconds all that was open before is closed, in any order."""
    return 15 + 10 * chance.random() if seat.opened < 15 else None


def drain_of_sus(seat: Seat, chance: Any) -> float | None:
    return drain(seat, chance) if seat.cohort.egress == SUS else None


def seldom(*causes: Cause, egresses: tuple[str, ...] = BOTH, **more: Any) -> World:
    """Sessions that ping each 6 s beside some that ping each second."""
    fields: dict[str, Any] = {"every": SELDOM, "until": 30.0, **more}
    return World(ways(*egresses, acts=SELDOM, to_=fields.pop("to_", ("server",))), causes, **fields)


def plain(*causes: Cause, egresses: tuple[str, ...] = BOTH, **more: Any) -> World:
    """Sessions that ping each 2 s."""
    fields: dict[str, Any] = {"until": 40.0, **more}
    return World(ways(*egresses, to_=fields.pop("to_", ("server",))), causes, **fields)


def quiet(*causes: Cause, egresses: tuple[str, ...] = BOTH, **more: Any) -> World:
    """Sessions that send nothing beside some that ping each 2 s."""
    fields: dict[str, Any] = {"every": QUIET, "until": 40.0, **more}
    return World(ways(*egresses, acts=QUIET), causes, **fields)


IDLE_EGRESS = ("idle_timer", "egress", *NETWORK)
AGE_EGRESS = ("age_limit", "egress", *NETWORK)
LOST_EGRESS = ("state_lost", "egress", *NO_ONE)
OPEN_EGRESS = ("no_pattern", "egress", *NO_ONE)
IDLE_ALONE = ("idle_timer", "unknown", "unknown", "network_team")

SIZES: list[tuple[str, World, list[Answer]]] = [
    row
    for n in (5, 20, 200)
    for row in (
        (f"idle, FIN, {n}", seldom(idle(4, S), each=n), [IDLE_EGRESS]),
        (f"idle, forgotten, {n}", seldom(idle(4, S, **STRANGER), each=n), [IDLE_EGRESS]),
        (f"idle, silence, {n}", seldom(idle(4, S, **SILENT), each=n), [IDLE_EGRESS]),
        (f"idle, one egress, {n}", seldom(idle(4), egresses=(SUS,), each=n), [IDLE_ALONE]),
        (f"age, {n}", plain(age(10, S), each=n), [AGE_EGRESS]),
        (f"age, all egresses, {n}", plain(age(10), each=n),
         [("age_limit", "shared", "unknown", "service_owner")]),
        (f"one moment, FIN, {n}", plain(moments(12, where=S), each=n), [LOST_EGRESS]),
        (f"one moment, silence, {n}", plain(moments(12, where=S, **SILENT), each=n),
         [LOST_EGRESS]),
        (f"one moment, all egresses, {n}", plain(moments(12), each=n),
         [("state_lost", "shared", *NO_ONE)]),
        (f"random, RST, {n}", plain(chance_of(40, S, kind=Kind.TCP_RESET), each=n, until=60),
         [OPEN_EGRESS]),
        (f"random, silence, {n}", plain(chance_of(40, S, **SILENT), each=n, until=60),
         [OPEN_EGRESS]),
        (f"random, all egresses, {n}", plain(chance_of(40), each=n, until=60),
         [("no_pattern", "shared", *NO_ONE)]),
    )
]  # fmt: skip
MIXED: list[tuple[str, World, list[Answer]]] = [
    ("idle timer and a link that goes down here",
     seldom(idle(4, S), moments(20, where=S, kind=Kind.SILENCE,
                                ending={"why": ("own-route-changed",), **HOST}), reconnect=None),
     [("path_change", "host", "host", "this_host"), IDLE_EGRESS]),
    ("age limit, then the endpoint restarts",
     plain(age(10, S), moments(25), until=45,
           closed=[Closed(25, 26.5, kind=Kind.REFUSED, ending=OWN_STACK)]),
     [AGE_EGRESS, ("endpoint_down", "shared", *OWNER)]),
    ("the endpoint's own age, and a flush of sus",
     plain(age(15, **WORDS), moments(22, where=S, kind=Kind.TCP_RESET), until=45),
     [("endpoint_goodbye", "endpoint", *OWNER), LOST_EGRESS]),
    ("idle timer of sus, a flush of ctl", seldom(idle(4, S), moments(15, where=T)),
     [IDLE_EGRESS, LOST_EGRESS]),
    ("a timer on each egress",
     World(ways(*BOTH, acts=("often", "seldom", "rare")), [idle(4, S), idle(9, T)],
           every={"often": 1.0, "seldom": 6.0, "rare": 12.0}),
     [IDLE_EGRESS, IDLE_ALONE]),
    ("an age limit on each egress", plain(age(10, S), age(20, T), until=60),
     [AGE_EGRESS, ("age_limit", "unknown", *NO_ONE)]),
    ("silence and age on one egress", seldom(idle(4, S), age(10, S, kind=Kind.TCP_RESET), until=40),
     [IDLE_EGRESS, AGE_EGRESS]),
    ("age limit and a flush, the same kind", plain(age(10, S), moments(14, where=S)),
     [AGE_EGRESS, LOST_EGRESS]),
    ("a timer to each endpoint",
     World(ways(SUS, CTL, acts=("often", "rare"), to_=("a", "b")),
           [idle(4, lambda c: c.egress == SUS and c.endpoint == "a"),
            idle(9, lambda c: c.egress == SUS and c.endpoint == "b")],
           every={"often": 1.0, "rare": 12.0}, until=60),
     [IDLE_EGRESS, IDLE_EGRESS]),
    ("sus drops far more often than ctl", plain(chance_of(10, S), chance_of(400, T), until=60),
     [OPEN_EGRESS, ("no_pattern", "unknown", *NO_ONE)]),
    ("idle timer of sus, and the endpoint hangs",
     seldom(idle(4, S), moments(20, kind=Kind.UNRESPONSIVE), until=45),
     [IDLE_EGRESS, ("outage", "shared", *NO_ONE)]),
    ("idle timer of sus, and an outage of all",
     seldom(idle(4, S), moments(20, **SILENT), until=45, closed=[Closed(20, 26)]),
     [IDLE_EGRESS, ("outage", "shared", *NO_ONE)]),
    ("idle timer of sus, and the endpoint's own age",
     seldom(age(15, **WORDS), idle(4, S), until=50),
     [IDLE_EGRESS, ("endpoint_goodbye", "endpoint", *OWNER)]),
    ("age limit of sus, and drops at random everywhere",
     plain(age(12, S), chance_of(60), until=80),
     [AGE_EGRESS, ("no_pattern", "shared", *NO_ONE)]),
    ("two endpoints lose all at different moments",
     plain(moments(10, where=to("a")), moments(22, where=to("b")), to_=("a", "b")),
     [("state_lost", "endpoint", "unknown", "service_owner")] * 2),
    ("one endpoint restarts, sus has a timer to the other",
     seldom(moments(10, where=to("a")), idle(4, lambda c: c.egress == SUS and c.endpoint == "b"),
            to_=("a", "b"), until=35, each=10,
            closed=[Closed(10, 11, to("a"), kind=Kind.REFUSED, ending=OWN_STACK)]),
     [IDLE_EGRESS, ("endpoint_down", "endpoint", *OWNER)]),
    ("three flushes of sus", plain(moments(8, 18, 31, where=S, **STRANGER), until=45),
     [LOST_EGRESS] * 3),
    ("sessions end, then 429", plain(moments(12), each=5, closed=[
        Closed(12, 30, kind=Kind.HTTP_REFUSAL, phase=Phase.UPGRADE,
               ending={"status": 429, "why": SAID})]),
     [("state_lost", "shared", *NO_ONE), ("refused_by_endpoint", "endpoint", *OWNER)]),
]  # fmt: skip
CONTROLS: list[tuple[str, World, list[Answer]]] = [
    ("the control never opened", seldom(idle(4, S), closed=[Closed(0, 99, T)]),
     [IDLE_ALONE, ("outage", "egress", "unknown", "network_team")]),
    ("the control opened only after the moment",
     plain(moments(12, where=S), closed=[Closed(0, 15, T)]),
     [("state_lost", "unknown", *NO_ONE), ("outage", "egress", "unknown", "network_team")]),
    ("the control reached another machine: silence", seldom(idle(4, S), remote=other_machine),
     [("idle_timer", "egress", "unknown", "network_team")]),
    ("the control reached another machine: age", plain(age(10, S), remote=other_machine),
     [("age_limit", "egress", "unknown", "network_team")]),
    ("the control reached another machine: a moment",
     plain(moments(10, where=S), remote=other_machine), [LOST_EGRESS]),
    ("the other egress was tried to another endpoint",
     World([cohort(SUS, "hb", "a"), cohort(CTL, "hb", "b")], [age(10, to("a"))]),
     [("age_limit", "unknown", *NO_ONE)]),
    ("two of three egresses, one control",
     seldom(idle(4, through(SUS, CTL)), egresses=(SUS, CTL, "third")), [IDLE_EGRESS]),
    ("all egresses, another endpoint lives", seldom(idle(4, to("a"), **SILENT), to_=("a", "b")),
     [("idle_timer", "endpoint", "unknown", "service_owner")]),
    ("many endpoints through one egress",
     seldom(idle(4, S), to_=("a", "b", "c", "d", "e"), each=6), [IDLE_EGRESS]),
    ("IPv6", seldom(idle(4, S, **SILENT), remote=dual), [IDLE_EGRESS]),
    ("proxy, silence", seldom(idle(4, S), proxy=by_proxy), [("idle_timer", "egress", *PROXY)]),
    ("proxy, age", plain(age(10, S, kind=Kind.TCP_RESET,
                             ending={"why": ("proxy-owns-flow",), **MIDDLEBOX}), proxy=by_proxy),
     [("age_limit", "egress", *PROXY)]),
    ("one proxy for both", seldom(idle(4), proxy=lambda _: "http://192.0.2.9:3128"),
     [("idle_timer", "shared", "unknown", "proxy_team")]),
    ("proxy with a tick", quiet(idle(20, S, tick=1.0), every={"hb": 8.0, "quiet": None}, until=90,
                                each=30, ramp=15, proxy=by_proxy),
     [("idle_timer", "egress", *PROXY)]),
    ("a part of sus is flushed", plain(moments(10, where=S, share=0.33)), [LOST_EGRESS]),
    ("one of an endpoint's machines forgets, one egress",
     plain(moments(10, share=0.33, kind=Kind.TCP_RESET,
                   ending={"why": ("flow-unknown-there",), **MIDDLEBOX}), egresses=(SUS,)),
     [("state_lost", "unknown", *NO_ONE)]),
    ("half of sus is flushed", plain(moments(10, where=S, share=0.5)), [LOST_EGRESS]),
    ("a middlebox, each by its own evidence",
     plain(chance_of(40, S, kind=Kind.SILENCE, ending={"why": FLOW_ALONE, **MIDDLEBOX}), each=40,
           until=60), [("no_pattern", "egress", *NETWORK)]),
    ("outage of sus", plain(moments(10, where=S, **SILENT), closed=[Closed(10, 18, S)],
                            looks=lambda _c, _t: "silent"),
     [("outage", "egress", "unknown", "network_team")]),
    ("outage, one egress",
     plain(moments(10, **SILENT), closed=[Closed(10, 18)], egresses=(SUS,)),
     [("outage", "unknown", "unknown", "network_team")]),
    ("outage of both", plain(moments(10, **SILENT), closed=[Closed(10, 18)]),
     [("outage", "shared", *NO_ONE)]),
    ("one minute, slow pings: a timer",
     World(ways(*BOTH), [idle(10, S, **SILENT)], every={"hb": 15.0}, until=60), [IDLE_EGRESS]),
    ("one minute, slow pings: one moment",
     World(ways(*BOTH), [moments(30, where=S, **SILENT)], every={"hb": 15.0}, until=60, ramp=15),
     [LOST_EGRESS]),
    ("a timer far below the pings, one egress",
     World(ways(SUS), [idle(3, **SILENT)], every={"hb": 10.0}, until=60), [IDLE_ALONE]),
    ("quiet ones are found dead, busy ones live, one egress",
     quiet(idle(10, **SILENT), egresses=(SUS,)), [IDLE_ALONE]),
]  # fmt: skip
SAID_SO: list[tuple[str, World, list[Answer]]] = [
    ("closed when silent, both egresses", quiet(idle(10, **NOTIFY)),
     [("idle_timer", "endpoint", *OWNER)]),
    ("closed when silent, one egress", seldom(idle(4, **WORDS), egresses=(SUS,)),
     [("idle_timer", "endpoint", *OWNER)]),
    ("closed when silent, sus alone", seldom(idle(4, S, **NOTIFY)), [IDLE_EGRESS]),
    ("closed at an age, sus alone", plain(age(10, S, **WORDS)), [AGE_EGRESS]),
    ("a drain in words, both", plain(Cause(drain, **WORDS), until=45),
     [("endpoint_goodbye", "endpoint", *OWNER)]),
    ("a drain by close_notify, both", plain(Cause(drain, **NOTIFY), until=45),
     [("endpoint_goodbye", "endpoint", *OWNER)]),
    ("a drain of sus alone", plain(Cause(drain_of_sus, **WORDS), until=45), [OPEN_EGRESS]),
    ("a restart in words, both", plain(moments(12, **WORDS)),
     [("endpoint_goodbye", "endpoint", *OWNER)]),
    ("a restart in words, sus alone", plain(moments(12, where=S, **WORDS)), [LOST_EGRESS]),
    ("intercepted, passed on", seldom(idle(4, **NOTIFY), tls=lambda c: INTERCEPTED
                                      if c.egress == SUS else TLS),
     [("idle_timer", "endpoint", *OWNER)]),
    ("intercepted, its own timer",
     seldom(idle(4, S, kind=Kind.TLS_CLOSE_NOTIFY, ending={"why": ("interceptor-said-so",)}),
            tls=lambda c: INTERCEPTED if c.egress == SUS else TLS), [IDLE_EGRESS]),
    ("intercepted, one egress",
     seldom(idle(4, kind=Kind.TLS_CLOSE_NOTIFY, ending={"why": ("interceptor-said-so",)}),
            tls=lambda _: INTERCEPTED, egresses=(SUS,)), [IDLE_ALONE]),
    ("hangs, both", plain(moments(10, kind=Kind.UNRESPONSIVE), looks=lambda _c, _t: "connected"),
     [("outage", "shared", *NO_ONE)]),
    ("bytes that are no frames, at an age",
     plain(age(7, kind=Kind.PROTOCOL_ERROR), egresses=(SUS,)), [("age_limit", "unknown", *NO_ONE)]),
    ("endpoint down, both",
     plain(moments(10, kind=Kind.TCP_RESET),
           closed=[Closed(10, 30, kind=Kind.REFUSED, ending=OWN_STACK)]),
     [("endpoint_down", "shared", *OWNER)]),
    ("refused by sus alone after a flush",
     plain(moments(10, where=S), closed=[Closed(10, 20, S, kind=Kind.REFUSED)]),
     [("outage", "egress", "unknown", "network_team")]),
]  # fmt: skip


def shut(kind: Kind, phase: Phase, where: Any = None, **ending: Any) -> World:
    """Attempts that all fail, through both egresses or where it says."""
    known = {} if where is None else {"where": where}
    closed = Closed(0, 99, kind=kind, phase=phase, ending=ending, **known)
    return plain(closed=[closed], each=5, until=20)


FAILURES: list[tuple[str, World, list[Answer]]] = [
    ("refused by both", shut(Kind.REFUSED, Phase.CONNECT),
     [("endpoint_down", "shared", *NO_ONE)]),
    ("no connection, sus", shut(Kind.TIMEOUT, Phase.CONNECT, S),
     [("outage", "egress", "unknown", "network_team")]),
    ("the hello is cut, sus", shut(Kind.TCP_RESET, Phase.TLS, S),
     [("name_filter", "egress", *NETWORK)]),
    ("no hello is answered, sus", shut(Kind.TIMEOUT, Phase.TLS, S),
     [("handshake_hang", "egress", "unknown", "network_team")]),
    ("a portal on sus", shut(Kind.HTTP_REFUSAL, Phase.UPGRADE, S, status=302),
     [("captive_portal", "egress", "unknown", "network_team")]),
    ("403 on sus", shut(Kind.HTTP_REFUSAL, Phase.UPGRADE, S, status=403, why=SAID),
     [("refused_by_endpoint", "egress", "unknown", "network_team")]),
    ("403 on both", shut(Kind.HTTP_REFUSAL, Phase.UPGRADE, status=403, why=SAID),
     [("refused_by_endpoint", "endpoint", *OWNER)]),
    ("no such name, sus", shut(Kind.RESOLVE_ERROR, Phase.RESOLVE, S),
     [("resolve_failure", "egress", "unknown", "network_team")]),
]  # fmt: skip
ROWS = SIZES + MIXED + CONTROLS + SAID_SO + FAILURES
