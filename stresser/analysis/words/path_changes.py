"""Changes of this host's path in plain words."""

from stresser.model.events import PathChanged
from stresser.model.path_change import PathChange
from stresser.model.units import escaped

_LONGEST_NAME = 40
_LONGEST_DETAIL = 120
_CLOCK_TIME = slice(11, 19)
"""Hours to seconds of an ISO 8601 text."""
_OF_LINK = {
    PathChange.LINK_ADDED: "appeared",
    PathChange.LINK_REMOVED: "disappeared",
    PathChange.LINK_UP: "came up",
    PathChange.LINK_DOWN: "went down",
    PathChange.LINK_RENAMED: "was renamed",
    PathChange.MTU_CHANGED: "got another MTU",
}
_OTHERS = {
    PathChange.ADDRESS_ADDED: "address",
    PathChange.ADDRESS_REMOVED: "address removed:",
    PathChange.ROUTE_ADDED: "route",
    PathChange.ROUTE_REMOVED: "route",
    PathChange.ROUTE_CHANGED: "route",
    PathChange.DEFAULT_ROUTE_CHANGED: "default route",
    PathChange.RULE_ADDED: "added:",
    PathChange.RULE_REMOVED: "removed:",
    PathChange.RESOLVER_CHANGED: "resolver",
    PathChange.MANY: "many changes at once,",
    PathChange.OVERRUN: "notices of changes were lost:",
}
_WITH_DETAIL = frozenset(
    {PathChange.LINK_ADDED, PathChange.LINK_RENAMED, PathChange.MTU_CHANGED, PathChange.LINK_DOWN}
)


def path_change_in_words(event: PathChanged) -> str:
    """One change without its time: `tun0 (a tunnel) went down (switched off; tun, ...)`."""
    detail = escaped(event.detail, _LONGEST_DETAIL)
    if event.change in _OF_LINK:
        name = escaped(event.interface or "an interface", _LONGEST_NAME)
        tunnel = " (a tunnel)" if event.is_tunnel else ""
        more = f" ({detail})" if detail and event.change in _WITH_DETAIL else ""
        return f"{name}{tunnel} {_OF_LINK[event.change]}{more}"
    through = ""
    if event.change in {PathChange.ADDRESS_ADDED, PathChange.ADDRESS_REMOVED} and event.interface:
        through = f" on {escaped(event.interface, _LONGEST_NAME)}"
    return f"{_OTHERS[event.change]} {detail}{through}"


def at_clock_time(event: PathChanged) -> str:
    """`at 02:13:07 UTC`."""
    return f"at {escaped(event.utc, 40)[_CLOCK_TIME]} UTC"
