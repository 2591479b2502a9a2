"""Owns the streets of a lab: one client, two ways to the same servers.

               .- suspect router -.
        client                      - server, other server
               '- control router -'

The box under test stands in the suspect router; the control router only routes. Each server has
one address of its own, reached by both ways, and answers by the way that it was asked. All
addresses are for documentation (RFC 5737) or for benchmarks (RFC 2544,
RFC 3849).
"""

from pathlib import Path

from tests.netlab.namespaces import Namespace, Namespaces, link
from tests.netlab.wait import until

SUSPECT, CONTROL = "suspect", "control"
CLIENT = {SUSPECT: "198.51.100.2", CONTROL: "198.51.100.66"}
ROUTER = {SUSPECT: "198.51.100.1", CONTROL: "198.51.100.65"}
CLIENT_NET = {SUSPECT: "198.51.100.0/26", CONTROL: "198.51.100.64/26"}
SERVER, OTHER = "192.0.2.1", "192.0.2.2"
_NET6 = "2001:db8:0"
SERVER6 = f"{_NET6}:100::1"
# Between a router and a server: the router's address, the server's.
_LAST_MILE = {
    (SUSPECT, SERVER): ("203.0.113.1", "203.0.113.2"),
    (SUSPECT, OTHER): ("203.0.113.5", "203.0.113.6"),
    (CONTROL, SERVER): ("203.0.113.65", "203.0.113.66"),
    (CONTROL, OTHER): ("203.0.113.69", "203.0.113.70"),
}
TO_SERVER = {SERVER: "server", OTHER: "other"}
"""A router's interface towards each server."""
TO_CLIENT = "client"
"""A router's interface towards the client."""


class Topology:
    """Namespaces, links and routes. `suspect` and `control` name a server's and the client's
    interfaces towards the router of that name."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self.client = namespaces.add("client")
        self.router = {way: namespaces.add(way) for way in (SUSPECT, CONTROL)}
        self.server = {address: namespaces.add(TO_SERVER[address]) for address in (SERVER, OTHER)}
        for address, server in self.server.items():
            server.ip(f"addr add {address}/32 dev lo")
        for number, (way, router) in enumerate(self.router.items()):
            router.sysctl("net.ipv4.ip_forward=1")
            self._first_mile(way, router, table=101 + number)
            for address in self.server:
                self._last_mile(way, router, address)

    @property
    def folder(self) -> Path:
        return self._namespaces.folder

    def _first_mile(self, way: str, router: Namespace, table: int) -> None:
        link(
            (self.client, way, f"{CLIENT[way]}/26"),
            (router, TO_CLIENT, f"{ROUTER[way]}/26"),
        )
        self.client.ip(
            f"route add default via {ROUTER[way]} dev {way} metric {table}",
            f"route add default via {ROUTER[way]} dev {way} table {table}",
            f"rule add from {CLIENT[way]} lookup {table}",
        )

    def _last_mile(self, way: str, router: Namespace, address: str) -> None:
        server = self.server[address]
        near, far = _LAST_MILE[way, address]
        link((router, TO_SERVER[address], f"{near}/30"), (server, way, f"{far}/30"))
        router.ip(f"route add {address}/32 via {far}")
        server.ip(f"route add {CLIENT_NET[way]} via {near}")

    def add_ipv6(self) -> None:
        """A second family on the suspect way; the server is `SERVER6` by it."""
        router, server = self.router[SUSPECT], self.server[SERVER]
        for one in (self.client, router, server):
            one.sysctl(
                "net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.default.disable_ipv6=0",
                "net.ipv6.conf.all.accept_ra=0", "net.ipv6.conf.all.forwarding=1",
            )  # fmt: skip
        near, far = (f"{_NET6}:1::{host}" for host in (1, 2))
        inner, outer = (f"{_NET6}:2::{host}" for host in (1, 2))
        router.ip(f"addr add {near}/64 dev {TO_CLIENT} nodad")
        router.ip(f"addr add {inner}/64 dev {TO_SERVER[SERVER]} nodad")
        self.client.ip(f"addr add {far}/64 dev {SUSPECT} nodad", f"route add ::/0 via {near}")
        server.ip(
            f"addr add {SERVER6}/128 dev lo nodad", f"addr add {outer}/64 dev {SUSPECT} nodad",
            f"route add ::/0 via {inner}",
        )  # fmt: skip
        router.ip(f"route add {SERVER6}/128 via {outer}")
        # Each interface has an address of its own besides, and looks first for who else has it:
        # for up to two seconds a router asks for no neighbour from it.
        sought = ("ip", "-6", "addr", "show", "tentative")
        until(lambda: not any(one.run(*sought) for one in (self.client, router, server)), "IPv6")

    def add_detour(self) -> Namespace:
        """A second box on the suspect way, from its router to the server; nothing goes there yet.

        Route the server's address to `DETOUR` in the suspect router to send one direction by it.
        """
        detour = self._namespaces.add("detour")
        detour.sysctl("net.ipv4.ip_forward=1")
        near, far = _DETOUR_NEAR, _DETOUR_FAR
        link(
            (self.router[SUSPECT], "detour", f"{near[0]}/30"), (detour, TO_CLIENT, f"{near[1]}/30")
        )
        link((detour, "server", f"{far[0]}/30"), (self.server[SERVER], "detour", f"{far[1]}/30"))
        detour.ip(
            f"route add {SERVER}/32 via {far[1]}", f"route add {CLIENT_NET[SUSPECT]} via {near[0]}"
        )
        return detour


_DETOUR_NEAR = ("203.0.113.129", "203.0.113.130")
_DETOUR_FAR = ("203.0.113.133", "203.0.113.134")
DETOUR = _DETOUR_NEAR[1]
DETOUR_BACK = _DETOUR_FAR[0]
"""The same from the server's side."""
ALSO_AT = _LAST_MILE[SUSPECT, OTHER][1]
"""The other server, as the suspect router reaches it."""
