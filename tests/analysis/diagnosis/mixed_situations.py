"""More runs of which the right answer is known: limits without a control, and mixed causes."""

from typing import Any

from stresser.model.ending import Kind, Phase
from stresser.model.path_change import PathChange
from tests.analysis.diagnosis.made_runs import INTERCEPTED, STRANGER, MadeRun, cohort
from tests.analysis.diagnosis.situations import (
    CTL,
    FLOW_ALONE,
    HOST,
    MIDDLEBOX,
    OWN_STACK,
    SUS,
)
from tests.analysis.story import PUBLIC_TLS, UNKNOWN_TLS, chain_seen, dice


def limit_on_bytes() -> MadeRun:
    """One egress: sessions with messages are reset at 300,000 bytes, those that ping live."""
    run = MadeRun(
        *(cohort(SUS, a) for a in ("often", "m8k", "m16k")),
        activities={
            "m8k": {"every": "1s", "message": "8KiB"},
            "m16k": {"every": "1s", "message": "16KiB"},
        },
    )
    kept = [run.opens(cohort(SUS, "often"), 0.2 * n) for n in range(4)]
    for n in range(16):
        name, pings = (("m8k", 18), ("m16k", 9))[n % 2]
        at = 0.9 * n
        one = run.opens(cohort(SUS, name), at)
        moved = 300_000 + 1_000 * (n % 4)
        run.drops(
            one, at + pings + 0.01, Kind.TCP_RESET, idle=0.01, alive=at + pings - 1,
            fields={"pings": pings, "pongs": pings - 1, "messages": pings - 1,
                    "bytes_sent": moved // 2, "bytes_received": moved // 2},
        )  # fmt: skip
    for n in range(4):
        late = run.opens(cohort(SUS, ("m8k", "m16k")[n % 2]), 40 + 0.5 * n)
        moved = 2_000 + 17_000 * (n // 2)
        run.lives(late, 45, pings=4, messages=4, bytes_sent=moved // 2, bytes_received=moved // 2)
    for one in kept:
        run.lives(one, 45, pings=44, pongs=44, bytes_sent=4000, bytes_received=4000)
    return run


def conntrack_without_a_control() -> MadeRun:
    """One egress: who pings each 6 s dies at the first, who sends nothing is found dead."""
    run = MadeRun(*(cohort(SUS, a) for a in ("often", "seldom", "quiet")))
    kept = [run.opens(cohort(SUS, "often"), 0.3 * n) for n in range(5)]
    quiet = [run.opens(cohort(SUS, "quiet"), 0.3 * n) for n in range(5)]
    for wave in range(4):
        for n in range(5):
            at = 0.3 * n + 9 * wave
            one = run.opens(cohort(SUS, "seldom"), at)
            run.drops(
                one, at + 8, Kind.SILENCE, alive=at, idle=8, why=FLOW_ALONE,
                evidence={"idle_before_send_ns": 6 * 10**9}, fields={"pings": 1, "pongs": 0},
                **MIDDLEBOX,
            )  # fmt: skip
    for one in quiet:
        run.drops(one, 50, Kind.FOUND_DEAD, alive=2, idle=48, fields={"pings": 0, "pongs": 0})
    for one in kept:
        run.lives(one, 50, pings=45, pongs=45)
    return run


def forgotten_at_once() -> MadeRun:
    """One egress: sixty sessions ping for the first time, and the endpoint's own host answers
    that it knows no such connection."""
    run = MadeRun(cohort(SUS, "slow"), activities={"slow": {"every": "22s"}})
    for n in range(60):
        one = run.opens(cohort(SUS, "slow"), n / 60)
        at = n / 60 + 22.001
        run.drops(
            one, at, Kind.TCP_RESET, alive=n / 60, idle=0.001, fields={"pings": 1, "pongs": 0},
            evidence={"idle_before_send_ns": 22 * 10**9, "since_sent_ns": 10**6,
                      "origin": STRANGER},
        )  # fmt: skip
    return run


def heartbeat_slower_than_the_timer() -> MadeRun:
    """One egress: whoever pings each 30 s is dead at the first ping, again and again."""
    run = MadeRun(cohort(SUS, "slow"), activities={"slow": {"every": "30s"}})
    for wave in range(4):
        for n in range(6):
            at = 1.3 * n + 36 * wave
            one = run.opens(cohort(SUS, "slow"), at)
            run.drops(
                one, at + 33, Kind.SILENCE, alive=at, idle=33,
                evidence={"idle_before_send_ns": 30 * 10**9}, fields={"pings": 1, "pongs": 0},
            )  # fmt: skip
    return run


def age_limit_of_one_egress() -> MadeRun:
    """Sus ends whatever is 10 s old, though all ping each second."""
    run = MadeRun(cohort(SUS, "often"), cohort(CTL, "often"))
    kept = [run.opens(cohort(CTL, "often"), 0.3 * n) for n in range(12)]
    for wave in range(3):
        for n in range(12):
            at = 0.3 * n + 11 * wave + 0.13 * n * wave
            one = run.opens(cohort(SUS, "often"), at)
            run.drops(one, at + 10.01, Kind.TCP_FIN, idle=0.1 + 0.07 * n)
    for one in kept:
        run.lives(one, 40, pings=39, pongs=39)
    return run


def lossy_path() -> MadeRun:
    """Sessions through sus die at random times on a path that loses packets."""
    run, chance = MadeRun(cohort(SUS), cohort(CTL)), dice(7)
    kept = [run.opens(cohort(CTL), 0.1 * n) for n in range(20)]
    for n in range(20):
        pongs = chance.randrange(2, 30)
        one = run.opens(cohort(SUS), 0.37 * n)
        alive = 0.37 * n + 2 * pongs
        run.drops(
            one, alive + 4, Kind.SILENCE, alive=alive, idle=4, why=("path-loses-packets",),
            fields={"pings": pongs + 1, "pongs": pongs},
        )  # fmt: skip
    for one in kept:
        run.lives(one, 80, pings=39, pongs=39)
    return run


def idle_killer_then_link_down() -> MadeRun:
    """What is silent dies through sus; at 20 s this host takes the link down."""
    run = MadeRun(*(cohort(e, a) for e in (SUS, CTL) for a in ("seldom", "often")))
    kept = [run.opens(cohort(CTL, a), 0.25 * n) for n in range(15) for a in ("seldom", "often")]
    busy = [run.opens(cohort(SUS, "often"), 0.25 * n) for n in range(15)]
    for wave in range(2):
        for n in range(15):
            at = 0.25 * n + 8.6 * wave
            one = run.opens(cohort(SUS, "seldom"), at)
            run.drops(
                one, at + 8, Kind.SILENCE, alive=at, idle=8, why=FLOW_ALONE,
                evidence={"idle_before_send_ns": 6 * 10**9}, fields={"pings": 1, "pongs": 0},
                **MIDDLEBOX,
            )  # fmt: skip
    run.path_changes(22, PathChange.LINK_DOWN)
    for n, one in enumerate(busy):
        run.drops(
            one, 24.2 + 0.05 * n, Kind.SILENCE, alive=21.1 + 0.05 * n, idle=3,
            why=("own-route-changed",), evidence={"idle_before_send_ns": 10**9}, **HOST,
        )  # fmt: skip
        run.fails(cohort(SUS, "often"), 24.5 + 0.1 * n, Kind.UNREACHABLE, Phase.CONNECT, **HOST)
    for one in kept:
        run.lives(one, 40, pings=5, pongs=5)
    return run


def chain_that_nobody_trusts(*, remote: str = "198.51.100.1:443", **seen: Any) -> MadeRun:
    """Through sus no chain verifies; through ctl another one does. `seen`: what of it is other."""
    run = MadeRun(cohort(SUS), cohort(CTL))
    run.story.events.append(chain_seen(cohort(SUS), UNKNOWN_TLS, **seen))
    run.story.events.append(chain_seen(cohort(CTL), PUBLIC_TLS))
    kept = [run.opens(cohort(CTL), 0.1 * n, PUBLIC_TLS) for n in range(6)]
    for n in range(20):
        run.fails(
            cohort(SUS), 0.2 + 0.3 * n, Kind.CERTIFICATE, Phase.TLS, tls=UNKNOWN_TLS,
            fields={"remote": remote},
        )  # fmt: skip
    for one in kept:
        run.lives(one, 9)
    return run


def unreachable_behind_an_interceptor(*, refused: bool = True) -> MadeRun:
    """The interceptor on sus answers with 503; ctl is refused, or opens all the while."""
    run = MadeRun(cohort(SUS), cohort(CTL))
    kept = []
    for n in range(10):
        run.fails(
            cohort(SUS), 1 + 0.2 * n, Kind.HTTP_REFUSAL, Phase.UPGRADE, ("interceptor-said-so",),
            status=503, tls=INTERCEPTED,
        )  # fmt: skip
        if refused:
            run.fails(cohort(CTL), 1.1 + 0.2 * n, Kind.REFUSED, Phase.CONNECT, **OWN_STACK)
        else:
            kept.append(run.opens(cohort(CTL), 1.1 + 0.2 * n, PUBLIC_TLS))
    for one in kept:
        run.lives(one, 9)
    return run


def endpoint_restarts_behind_an_interceptor() -> MadeRun:
    """Both egresses end at once; then ctl is refused, and the interceptor on sus says 503."""
    run = MadeRun(cohort(SUS), cohort(CTL))
    by = {SUS: INTERCEPTED, CTL: PUBLIC_TLS}
    ours = [(e, run.opens(cohort(e), 0.02 * n, by[e])) for n in range(12) for e in (SUS, CTL)]
    for n, (egress, one) in enumerate(ours):
        kind = Kind.TLS_CLOSE_NOTIFY if egress == SUS else Kind.TCP_FIN
        run.drops(one, 3 + 0.0002 * n, kind, idle=0.4)
    for n in range(20):
        at = 3.3 + 0.01 * n
        run.fails(cohort(CTL), at, Kind.REFUSED, Phase.CONNECT, **OWN_STACK)
        run.fails(
            cohort(SUS), at, Kind.HTTP_REFUSAL, Phase.UPGRADE, ("interceptor-said-so",),
            status=503, tls=INTERCEPTED,
        )  # fmt: skip
    for n in range(12):
        for egress in (SUS, CTL):
            run.lives(run.opens(cohort(egress), 4.5 + 0.01 * n, by[egress]), 12)
    return run
