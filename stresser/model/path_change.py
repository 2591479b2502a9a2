"""What can change on this host's way to the network while a run goes on: the closed list."""

from enum import StrEnum


class PathChange(StrEnum):
    """One change, as the kernel or the resolver's file tells it."""

    LINK_ADDED = "link_added"
    LINK_REMOVED = "link_removed"
    LINK_UP = "link_up"
    LINK_DOWN = "link_down"
    """Taken down, or its carrier is gone."""
    LINK_RENAMED = "link_renamed"
    MTU_CHANGED = "mtu_changed"
    ADDRESS_ADDED = "address_added"
    ADDRESS_REMOVED = "address_removed"
    ROUTE_ADDED = "route_added"
    ROUTE_REMOVED = "route_removed"
    ROUTE_CHANGED = "route_changed"
    DEFAULT_ROUTE_CHANGED = "default_route_changed"
    """A route for all addresses, or for half of them as VPN clients set it, in any table."""
    RULE_ADDED = "rule_added"
    """A rule that chooses the routing table (ip-rule(8))."""
    RULE_REMOVED = "rule_removed"
    RESOLVER_CHANGED = "resolver_changed"
    MANY = "many"
    """More changes than are reported one by one: `counts` says how many of which."""
    OVERRUN = "overrun"
    """The kernel's queue of notices ran over: what came and went meanwhile is not known."""
