"""The silence of a whole egress: whether a tunnel lives through which nothing passes at all.

A search keeps its egress busy: it shows what is forgotten of a session. A gateway that ends a
tunnel for want of traffic takes all sessions at once, and this host's interface with them. So when
the searches of an egress are over, one session to each of its endpoints is silent, and nothing else
is sent through it, until its interface goes or the longest silence is over.
"""

from collections.abc import Callable, Sequence

import trio

from stresser.model.events import PathChanged
from stresser.model.path_change import PathChange
from stresser.model.units import format_duration
from stresser.session.idle_search import search_idle
from stresser.session.lifecycle import hold_until_asked
from stresser.session.route import Route
from stresser.session.run_context import RunContext
from stresser.session.search_companions import silent_together

_ATTEMPTS = 5
_MOST_SESSIONS = 16
_LOOK_EVERY_S = 1.0
_GOES = frozenset({PathChange.LINK_REMOVED, PathChange.ADDRESS_REMOVED})


async def search_egress(
    routes: Sequence[Route], around: RunContext, say: Callable[[str], object]
) -> None:
    """Search the limits of all endpoints through one egress; then, if asked for, of the egress."""
    async with trio.open_nursery() as nursery:
        for route in routes:
            nursery.start_soon(search_idle, route, around, say)
    activity = routes[0].activity
    if activity.together:
        longest = format_duration(activity.up_to)
        say(f"{routes[0].cohort.egress}: nothing passes through it from now on, up to {longest}")
        await _be_silent(routes[:_MOST_SESSIONS], around)


async def _be_silent(routes: Sequence[Route], around: RunContext) -> None:
    begun_ns = around.clock.now_ns()
    async with trio.open_nursery() as watching:
        async with trio.open_nursery() as holding:
            watching.start_soon(_end_when_gone, routes, around, begun_ns, holding.cancel_scope)
            for route in routes:
                silent, longest_ns = silent_together(route), route.activity.up_to
                holding.start_soon(hold_until_asked, silent, around, longest_ns, _ATTEMPTS)
        watching.cancel_scope.cancel()


async def _end_when_gone(
    routes: Sequence[Route], around: RunContext, begun_ns: int, scope: trio.CancelScope
) -> None:
    devices = {route.binding.device for route in routes}
    while around.path is not None:
        await trio.sleep(_LOOK_EVERY_S)
        changes = around.path.changes_between(begun_ns, around.clock.now_ns())
        if any(_takes(one, devices) for one in changes):
            scope.cancel()  # all that are held are asked now


def _takes(change: PathChanged, devices: set[str | None]) -> bool:
    """Whether it took the egress's interface; where none is named, whichever tunnel it was."""
    is_own = change.interface in devices or (None in devices and change.is_tunnel)
    return change.change in _GOES and is_own
