"""What walks of a flow that died and of new connections show beside each other. Pure.

Routers limit their answers, so one that is silent once says nothing. The flow is walked before,
between and after two walks of new connections: what an outage that ends meanwhile, or a limit that
comes and goes, cannot imitate is a hop that answers new connections each time and this flow never.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from stresser.model.hops import Hop, HopReading, HopWalk

Answers: TypeAlias = Mapping[int, Hop]
"""The hops that answered one walk, by number."""


def read_walks(
    flow: Sequence[Answers],
    fresh: Sequence[Sequence[Answers]],
    before: Sequence[Hop] = (),
    *,
    to_proxy: bool = False,
    is_answered: bool = False,
) -> HopWalk:
    """Where a flow stops, or that it stops nowhere.

    Args:
        flow: its walks, of the hops that had not answered yet.
        fresh: the walks of each new connection, all of the hops beyond the flow's last at least.
        before: the hops that it passed while it was healthy, or others like it.
        to_proxy: the flow goes to a proxy.
        is_answered: a new connection was answered by its other end: it passes all hops, and one
            that does not say so any more is silent.
    """
    reached = _all_of(flow)
    last = max(reached, default=0)
    # A router that never answered the healthy flow may be silent to it, as on a path of its own.
    beyond = _passed_by_all(fresh, last) - {hop.number for hop in before if hop.address is None}
    were = {hop.number: hop for hop in before if hop.address is not None}
    seen = [_all_of(walks) for walks in fresh]
    reading, following = HopReading.UNDECIDED, None
    if beyond:
        reading, following = HopReading.STOPS_ALONE, seen[0][min(beyond)]
    elif (
        not is_answered
        and any(number > last for number in were)
        and not any(max(one, default=0) > last for one in seen)
    ):
        reading = HopReading.STOPS_LIKE_ALL
        following = were[min(number for number in were if number > last)]
    elif last and last >= max([*were, *(max(one, default=0) for one in seen)], default=last + 1):
        reading = HopReading.PASSES
    return HopWalk(
        reading=reading,
        last=reached.get(last),
        next=following,
        flow=_in_order(reached),
        fresh=_in_order(seen[0]) if seen else [],
        connections=len(fresh),
        before=list(before),
        many_paths=_differ([reached, were, *seen]),
        to_proxy=to_proxy,
    )


def names_a_box(walk: HopWalk | None) -> bool:
    """Whether a router between this host and the endpoint, or what stands behind it, stops a flow.

    A router that answers, beyond the one where the flow stops, is not the endpoint; and where the
    first hop is not reached, this host may stop it itself. A path of its own is none for another
    flow: where paths differ, or where it is not known that they are the same, nothing is named.
    """
    if walk is None or walk.reading is not HopReading.STOPS_ALONE or walk.last is None:
        return False
    return not walk.many_paths and walk.connections > 1


def _all_of(walks: Iterable[Answers]) -> dict[int, Hop]:
    """What answered at all, at the first time."""
    found: dict[int, Hop] = {}
    for answers in walks:
        for number, hop in answers.items():
            found.setdefault(number, hop)
    return found


def _passed_by_all(fresh: Sequence[Sequence[Answers]], last: int) -> set[int]:
    """The hops beyond the flow's last that each new connection reached each time."""
    passed = [{number for number in one if number > last} for walks in fresh for one in walks]
    is_twice = max(map(len, fresh), default=0) > 1
    return set.intersection(*passed) if is_twice and all(fresh) else set()


def _in_order(found: Answers) -> list[Hop]:
    return [found[number] for number in sorted(found)]


def _differ(paths: Sequence[Answers]) -> bool:
    addresses: dict[int, set[str | None]] = {}
    for path in paths:
        for number, hop in path.items():
            addresses.setdefault(number, set()).add(hop.address)
    return any(len(known) > 1 for known in addresses.values())
