"""Runs of which the right answer is known: each a small table of what lived and what died."""

from collections.abc import Callable
from typing import Any

from stresser.model.chain import TlsFacts
from stresser.model.ending import Grade, Initiator, Kind, Phase
from tests.analysis.diagnosis.made_runs import (
    INTERCEPTED,
    SAID,
    STRANGER,
    TLS,
    MadeRun,
    cohort,
    look,
)
from tests.analysis.story import dice

Story = Callable[[], MadeRun]
SUS, CTL = "sus", "ctl"
FLOW_ALONE = ("flow-dropped-alone",)
MIDDLEBOX: dict[str, Any] = {"initiator": Initiator.MIDDLEBOX, "grade": Grade.TCP_INFO}
OWN_STACK: dict[str, Any] = {
    "initiator": Initiator.ENDPOINT, "grade": Grade.PACKET, "why": ("endpoint-refuses",),
}  # fmt: skip
HOST: dict[str, Any] = {"initiator": Initiator.HOST, "grade": Grade.TCP_INFO}


def idle_killer(
    kind: Kind, *, why: tuple[str, ...] = ("nothing-decides",), **fields: Any
) -> MadeRun:
    """Sus ends what is silent for 4 s; `often` pings each second, `seldom` every 6 s."""
    run = MadeRun(*(cohort(e, a) for e in (SUS, CTL) for a in ("seldom", "often")))
    kept = []
    for n in range(12):
        at = 0.25 * n
        kept += [run.opens(cohort(egress, "often"), at) for egress in (SUS, CTL)]
        kept.append(run.opens(cohort(CTL, "seldom"), at))
    for wave in range(3):
        for n in range(12):
            at = 0.25 * n + 5.1 * wave + 0.07 * n * wave
            one = run.opens(cohort(SUS, "seldom"), at, **fields)
            run.drops(
                one, at + 4.01, kind, idle=4.01, why=why, fields={"pings": 0, "pongs": 0} | fields
            )
    for one in kept:
        run.lives(one, 25)
    return run


def reload_of_a_near_proxy() -> MadeRun:
    """All of sus end by FIN at one moment; TCP ends at the gateway there."""
    return _at_once(Kind.TCP_FIN, why=("nearby-box-cut-flow",), **MIDDLEBOX)


def endpoint_resets_one_egress() -> MadeRun:
    """All of sus are reset at one moment; nothing else is known."""
    return _at_once(Kind.TCP_RESET)


def interceptor_dies(**other: Any) -> MadeRun:
    """Who ends TLS on sus closes all its connections at one moment; the endpoint lives."""
    return _at_once(Kind.TCP_FIN, why=("interceptor-may-pass-on",), tls=INTERCEPTED, fields=other)


def endpoint_resets_after_a_change_of_the_path() -> MadeRun:
    """The endpoint's own resets come from farther away than before."""
    return _at_once(Kind.TCP_RESET, why=("path-may-have-changed",))


def endpoint_resets_over_a_lossy_path(*, before: bool = True) -> MadeRun:
    """What was lost made TCP ignore the endpoint's first reset; the second is a stranger's."""
    seen = {"origin": STRANGER | ({"resets": 2, "ignored": 1} if before else {})}
    return _at_once(Kind.TCP_RESET, why=("flow-unknown-there",), evidence=seen, **MIDDLEBOX)


def few_of_them_speak(*, control: bool = True, why: str = "answered-too-soon") -> MadeRun:
    """All of sus are reset at one moment; 3 of 25 show what the others do not."""
    return _at_once(Kind.TCP_RESET, few=(why,), control=control)


def _at_once(
    kind: Kind,
    *,
    why: tuple[str, ...] = ("own-peer-or-perfect-forgery",),
    few: tuple[str, ...] = (),
    control: bool = True,
    tls: TlsFacts = TLS,
    **ending: Any,
) -> MadeRun:
    run = MadeRun(cohort(SUS), *([cohort(CTL)] if control else []))
    ours = [run.opens(cohort(SUS), 0.01 * n, tls) for n in range(25)]
    kept = [run.opens(cohort(CTL), 0.01 * n) for n in range(25)] if control else []
    for n, one in enumerate(ours):
        said = {"why": why, **ending} if n % 10 or not few else {"why": few, **MIDDLEBOX}
        run.drops(one, 7.3 + 0.0001 * n, kind, idle=0.3 + 0.02 * n, **said)
    kept += [run.opens(cohort(SUS), 8 + 0.05 * n, tls) for n in range(25)]
    for one in kept:
        run.lives(one, 20)
    return run


def endpoint_restarts() -> MadeRun:
    """Both egresses end at once, a few attempts are refused, another endpoint lives."""
    run = MadeRun(*(cohort(e, endpoint=n) for e in (SUS, CTL) for n in ("server", "other")))
    kept = [run.opens(cohort(e, endpoint="other"), 0.01 * n) for n in range(5) for e in (SUS, CTL)]
    ours = [(e, run.opens(cohort(e), 0.02 * n)) for n in range(25) for e in (SUS, CTL)]
    for n, (_, one) in enumerate(ours):
        run.drops(one, 3 + 0.0002 * n, Kind.TCP_FIN, idle=0.4 + 0.01 * n)
    for n, egress in enumerate((SUS, CTL) * 5):
        run.fails(cohort(egress), 3.6 + 0.01 * n, Kind.REFUSED, Phase.CONNECT, **OWN_STACK)
    kept += [run.opens(cohort(e), 4.5 + 0.01 * n) for n, (e, _) in enumerate(ours)]
    for one in kept:
        run.lives(one, 12)
    return run


def endpoint_dies_behind_a_proxy() -> MadeRun:
    """Direct is refused, the proxy of sus says 500 for the endpoint; another endpoint lives."""
    run = MadeRun(*(cohort(e, endpoint=n) for e in (SUS, CTL) for n in ("server", "other")))
    by: dict[str, dict[str, Any]] = {SUS: {"proxy": "http://192.0.2.9:3128"}, CTL: {}}
    kept = [
        run.opens(cohort(e, endpoint="other"), 0.01 * n, **by[e])
        for n in range(5)
        for e in (SUS, CTL)
    ]
    ours = [(e, run.opens(cohort(e), 0.02 * n, **by[e])) for n in range(20) for e in (SUS, CTL)]
    for n, (egress, one) in enumerate(ours):
        run.drops(one, 3 + 0.0002 * n, Kind.TCP_FIN, idle=0.4, fields=by[egress])
    for n in range(30):
        run.fails(cohort(CTL), 3.5 + 0.1 * n, Kind.REFUSED, Phase.CONNECT, **OWN_STACK)
        run.fails(
            cohort(SUS), 3.52 + 0.1 * n, Kind.PROXY_ERROR, Phase.PROXY, ("proxy-reports-trouble",),
            fields=by[SUS], status=500,
        )  # fmt: skip
    for one in kept:
        run.lives(one, 12)
    return run


def hung_endpoint() -> MadeRun:
    """Both egresses stop answering while TCP acknowledges; another endpoint lives."""
    return _both(Kind.UNRESPONSIVE, looks="connected", reopens=True)


def firewall_of_the_endpoint_forgets() -> MadeRun:
    """Both egresses go dead at once, and fresh sessions open at once."""
    return _both(Kind.SILENCE, looks="connected", reopens=True, why=FLOW_ALONE, **MIDDLEBOX)


def policy_on_both_egresses() -> MadeRun:
    """Both egresses go dead at once, and nothing opens; another endpoint lives."""
    why = ("address-dead-everywhere",)
    return _both(Kind.SILENCE, looks="silent", reopens=False, why=why)


def _both(
    kind: Kind,
    *,
    looks: str,
    reopens: bool,
    why: tuple[str, ...] = ("nothing-decides",),
    **ending: Any,
) -> MadeRun:
    run = MadeRun(*(cohort(e, endpoint=n) for e in (SUS, CTL) for n in ("server", "other")))
    kept = [run.opens(cohort(e, endpoint="other"), 0.01 * n) for n in range(20) for e in (SUS, CTL)]
    ours = [(e, run.opens(cohort(e), 0.02 * n)) for n in range(20) for e in (SUS, CTL)]
    for n, (egress, one) in enumerate(ours):
        run.drops(
            one, 9 + 0.01 * n, kind, alive=4.2 + 0.02 * n, idle=4, why=why,
            evidence={"fresh_connections": [look(egress, looks)]}, **ending,
        )  # fmt: skip
    if reopens:
        kept += [run.opens(cohort(e), 9.6 + 0.01 * n) for n, (e, _) in enumerate(ours)]
    for one in kept:
        run.lives(one, 16)
    return run


def outage_of_one_egress() -> MadeRun:
    """Nothing passes through sus any more; sessions through ctl live."""
    run = MadeRun(cohort(SUS), cohort(CTL))
    met = {"fresh_connections": [look(SUS, "silent")]}
    kept = [run.opens(cohort(CTL), 0.02 * n) for n in range(20)]
    for n, one in enumerate([run.opens(cohort(SUS), 0.02 * n) for n in range(20)]):
        run.drops(
            one, 9 + 0.01 * n, Kind.SILENCE, alive=4.2 + 0.02 * n, idle=4,
            why=("address-dead-through-egress",), evidence=met,
        )  # fmt: skip
        run.fails(cohort(SUS), 13 + 0.01 * n, Kind.TIMEOUT, Phase.CONNECT)
    for one in kept:
        run.lives(one, 16)
    return run


def host_removes_its_route() -> MadeRun:
    """This host's kernel says that the way of sus has changed; half of the endings show it."""
    run = MadeRun(cohort(SUS), cohort(CTL))
    kept = [run.opens(cohort(CTL), 0.02 * n) for n in range(20)]
    ours = [run.opens(cohort(SUS), 0.02 * n) for n in range(20)]
    run.path_changes(5)
    for n, one in enumerate(ours):
        named = HOST if n % 2 else {}
        run.drops(
            one, 9 + 0.01 * n, Kind.SILENCE, alive=4.2 + 0.02 * n, idle=4,
            why=("own-route-changed",) if n % 2 else ("nothing-decides",), **named,
        )  # fmt: skip
        run.fails(
            cohort(SUS), 9.5 + 0.01 * n, Kind.UNREACHABLE, Phase.CONNECT, ("failed-here",), **HOST
        )
    for one in kept:
        run.lives(one, 16)
    return run


def maximum_age_through_an_interceptor() -> MadeRun:
    """The endpoint closes at 6 s of age; an interceptor on sus passes the frame on."""
    run = MadeRun(cohort(SUS, "often"), cohort(CTL, "often"))
    for wave in range(2):
        for n in range(12):
            at = 0.3 * n + 6.5 * wave + 0.11 * n * wave
            for egress in (SUS, CTL):
                mine = egress == CTL
                one = run.opens(cohort(egress, "often"), at, **{} if mine else {"tls": INTERCEPTED})
                run.drops(
                    one, at + 6.01, Kind.WS_CLOSE, idle=0.02 + 0.03 * n, code=1001, reason="bye",
                    why=SAID if mine else ("interceptor-said-so",),
                    initiator=Initiator.ENDPOINT if mine else Initiator.UNKNOWN,
                )  # fmt: skip
    return run


def random_kills(seed: int = 1) -> MadeRun:
    """A box on sus forgets flows at random moments; each session's own evidence says so."""
    run, chance = MadeRun(cohort(SUS), cohort(CTL)), dice(seed)
    kept = [run.opens(cohort(CTL), 0.1 * n) for n in range(40)]
    endings = []
    for n in range(40):
        at = 0.1 * n
        while at < 75:
            dies = at + chance.expovariate(1 / 36)
            endings.append((min(dies, 80.0), at))
            at = dies + 4.5
    for dies, at in sorted(endings, key=lambda one: one[1]):
        one = run.opens(cohort(SUS), at)
        if dies >= 80:
            kept.append(one)
            continue
        pongs = int((dies - at) / 2)
        alive = at + 2 * pongs
        run.drops(
            one, alive + 4.0, Kind.SILENCE, alive=alive, idle=4, why=FLOW_ALONE,
            evidence={"idle_before_send_ns": 2_000_000_000},
            fields={"pings": pongs + 1, "pongs": pongs}, **MIDDLEBOX,
        )  # fmt: skip
    for one in kept:
        run.lives(one, 85, pongs=30)
    return run


def handshake_hangs(egress: str = SUS) -> MadeRun:
    """Through one egress no ClientHello is answered."""
    run = MadeRun(cohort(SUS), cohort(CTL))
    kept = [run.opens(cohort(CTL), 0.1 * n) for n in range(10)]
    for n in range(20):
        run.fails(cohort(egress), 4 + 0.1 * n, Kind.TIMEOUT, Phase.TLS)
    for one in kept:
        run.lives(one, 14)
    return run


def pings_are_not_borne(kind: Kind = Kind.TCP_RESET) -> MadeRun:
    """One egress: each session ends at its first ping; those that send nothing live."""
    run = MadeRun(cohort(SUS, "hb"), cohort(SUS, "quiet"))
    kept = [run.opens(cohort(SUS, "quiet"), 0.1 * n) for n in range(6)]
    for n in range(18):
        one = run.opens(cohort(SUS, "hb"), 0.5 * n)
        run.drops(
            one, 0.5 * n + 2.002, kind, idle=0.002, alive=0.5 * n,
            evidence={"since_sent_ns": 2_000_000, "idle_before_send_ns": 2_000_000_000},
            fields={"pings": 1, "pongs": 0},
        )  # fmt: skip
    for one in kept:
        run.lives(one, 25, silent=24, pings=0, pongs=0)
    return run


def idle_goodbye_of_the_endpoint() -> MadeRun:
    """One egress: the endpoint closes what was silent for 5 s, with a word; busy ones live."""
    run = MadeRun(cohort(SUS, "hb"), cohort(SUS, "quiet"))
    kept = [run.opens(cohort(SUS, "hb"), 0.3 * n) for n in range(5)]
    for n in range(20):
        at = 0.4 * n + 0.05 * (n % 7)
        one = run.opens(cohort(SUS, "quiet"), at)
        run.drops(
            one, at + 5.01, Kind.WS_CLOSE, idle=5.01, code=1001, reason="Idle Timeout", why=SAID,
            fields={"pings": 0, "pongs": 0},
        )  # fmt: skip
    for one in kept:
        run.lives(one, 28)
    return run


def ceiling() -> MadeRun:
    """Twenty sessions live; every further attempt fails."""
    run = MadeRun(cohort(SUS))
    kept = [run.opens(cohort(SUS), 0.15 * n) for n in range(20)]
    for n in range(30):
        run.fails(cohort(SUS), 7.5 + 0.5 * n, Kind.TIMEOUT, Phase.CONNECT, age_ns=4 * 10**9)
    for one in kept:
        run.lives(one, 40)
    return run


def big_messages_die() -> MadeRun:
    """All sessions with messages of 4 KiB go dead at the first; those with none live."""
    run = MadeRun(
        cohort(SUS, "small"), cohort(SUS, "big"),
        activities={"small": {"every": "3s"}, "big": {"every": "3s", "message": "4KiB"}},
    )  # fmt: skip
    kept = [run.opens(cohort(SUS, "small"), 0.1 * n) for n in range(4)]
    for n in range(12):
        at = 0.1 * (n % 4) + 5.6 * (n // 4)
        one = run.opens(cohort(SUS, "big"), at)
        run.drops(one, at + 5, Kind.SILENCE, alive=at, idle=5, fields={"pings": 1, "pongs": 0})
    for one in kept:
        run.lives(one, 30)
    return run


def path_shrinks(*, answered_later: bool = False) -> MadeRun:
    """At 9 s big messages begin to get lost through sus, that had been answered before.

    `answered_later`: of some, one more was answered after others had been lost.
    """
    sized = {"small": {"every": "2s"}, "big": {"every": "2s", "message": "4KiB"}}
    both = [cohort(e, a) for e in (SUS, CTL) for a in sized]
    run = MadeRun(*both, activities=sized)
    opened = [(of, run.opens(of, 0.1 * n)) for n in range(12) for of in both]
    for place, (of, one) in enumerate(opened):
        n = place // len(both)
        if of == cohort(SUS, "big"):
            alive = 8.1 + 0.1 * n + (4 if answered_later and n < 4 else 0)
            pongs = 6 if answered_later and n < 4 else 4
            run.drops(
                one, alive + 4, Kind.SILENCE, alive=alive, idle=4,
                evidence={"idle_before_send_ns": 2 * 10**9},
                fields={"pings": pongs + 1, "pongs": pongs},
            )  # fmt: skip
    for of, one in opened:
        if of != cohort(SUS, "big"):
            run.lives(one, 30)
    return run


def quiet_ones_are_found_dead() -> MadeRun:
    """Silent sessions through sus are dead when the plan ends them, those through ctl answer."""
    run = MadeRun(cohort(SUS, "quiet"), cohort(CTL, "quiet"))
    ours = [run.opens(cohort(SUS, "quiet"), 0.1 * n) for n in range(5)]
    kept = [run.opens(cohort(CTL, "quiet"), 0.1 * n) for n in range(5)]
    for n, one in enumerate(ours):
        run.drops(
            one, 35 + 0.001 * n, Kind.FOUND_DEAD, alive=0.1 * n, idle=34.9 - 0.1 * n,
            fields={"pings": 0, "pongs": 0},
        )  # fmt: skip
    for one in kept:
        run.lives(one, 35, silent=34, pings=0, pongs=0)
    return run


def refused(egresses: tuple[str, ...], kind: Kind, phase: Phase, **ending: Any) -> MadeRun:
    """All attempts through these egresses meet the same; those through others open."""
    run = MadeRun(cohort(SUS), cohort(CTL))
    for n in range(6):
        for egress in egresses:
            run.fails(cohort(egress), 1 + 0.5 * n, kind, phase, **ending)
    kept = [run.opens(cohort(CTL), 0.1 * n) for n in range(3)] if CTL not in egresses else []
    for one in kept:
        run.lives(one, 8)
    return run


def two_alike() -> MadeRun:
    """Nothing happens on either side."""
    run = MadeRun(cohort(SUS), cohort(CTL))
    for one in [run.opens(cohort(e), 0.1 * n) for n in range(10) for e in (SUS, CTL)]:
        run.lives(one, 60)
    return run


def rejected_by_one_policy() -> MadeRun:
    """Both egresses are refused by who knows whom; another endpoint through them opens."""
    run = MadeRun(*(cohort(e, endpoint=n) for e in (SUS, CTL) for n in ("server", "other")))
    kept = [run.opens(cohort(e, endpoint="other"), 0.01 * n) for n in range(5) for e in (SUS, CTL)]
    for n in range(10):
        for egress in (SUS, CTL):
            run.fails(cohort(egress), 1 + 0.2 * n, Kind.REFUSED, Phase.CONNECT)
    for one in kept:
        run.lives(one, 12)
    return run
