"""Owns a street of three routers, one behind the other: client, 1, 2, 3, server.

Addresses are for documentation (RFC 5737, RFC 3849).
"""

import sys
from pathlib import Path

from tests.netlab.certificates import Certificates
from tests.netlab.namespaces import Namespaces, link
from tests.netlab.tester import TLS_PORT, WSS_PORT
from tests.netlab.topology import SERVER, SERVER6
from tests.netlab.wait import until

OUT = "street"
"""The client's interface."""
HOPS = ("198.51.100.1", "203.0.113.1", "203.0.113.5")
"""The routers, as each answers the client: by the address on the client's side."""
HOPS6 = ("2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1")
_OTHER_NETS = (("203.0.113.130", "203.0.113.129"), ("203.0.113.134", "203.0.113.133"))
"""Of the cables of a router that takes the second one's place: its neighbour's end, its own."""
OTHER_HOPS = (HOPS[0], _OTHER_NETS[0][1], _OTHER_NETS[1][0])
"""The routers then; the third one answers from where it hears of the flow."""
_NETS = (("198.51.100.2", HOPS[0]), ("203.0.113.2", HOPS[1]), ("203.0.113.6", HOPS[2]),
         ("203.0.113.9", "203.0.113.10"))  # fmt: skip
"""Of each cable: the end nearer to the client, the other one."""
_NETS6 = (("2001:db8:1::2", HOPS6[0]), ("2001:db8:2::2", HOPS6[1]), ("2001:db8:3::2", HOPS6[2]),
          ("2001:db8:4::1", "2001:db8:4::2"))  # fmt: skip
CLIENT_NET, CLIENT_NET6 = "198.51.100.0/30", "2001:db8:1::/64"
_SERVER = Path(__file__).with_name("echo_server.py")


class Street:
    """The namespaces end with `namespaces`. A router's interfaces are `client` and `server`."""

    def __init__(self, namespaces: Namespaces, certificates: Certificates) -> None:
        self._namespaces = namespaces
        self.client = namespaces.add("client")
        self.routers = [namespaces.add(f"router{number}") for number in (1, 2, 3)]
        self.server = namespaces.add("server")
        row = [self.client, *self.routers, self.server]
        for near, far, ends in zip(row, row[1:], _NETS, strict=False):
            names = OUT if near is self.client else "server", "client"
            link((near, names[0], f"{ends[0]}/30"), (far, names[1], f"{ends[1]}/30"))
        self.server.ip(f"addr add {SERVER}/32 dev lo")
        for router in self.routers:
            router.sysctl("net.ipv4.ip_forward=1")
        for place, one in enumerate(row[:-1]):
            one.ip(f"route add {SERVER}/32 via {_NETS[place][1]}")
        for place, one in enumerate(row[2:], start=1):
            one.ip(f"route add {CLIENT_NET} via {_NETS[place][0]}")
        self._serve(SERVER, certificates)

    @property
    def middle(self):
        """The second router: the box under test stands there."""
        return self.routers[1]

    def replace_middle(self) -> None:
        """Another router takes the place of the second one, which goes; flows go on."""
        first, middle, last = self.routers
        other = self._namespaces.add("router2b")
        other.sysctl("net.ipv4.ip_forward=1")
        for near, ends, names in zip((first, last), _OTHER_NETS, ("client", "server"), strict=True):
            link((near, "other", f"{ends[0]}/30"), (other, names, f"{ends[1]}/30"))
        other.ip(
            f"route add {SERVER}/32 via {_OTHER_NETS[1][0]}",
            f"route add {CLIENT_NET} via {_OTHER_NETS[0][0]}",
        )
        first.ip(f"route replace {SERVER}/32 via {OTHER_HOPS[1]}")
        last.ip(f"route replace {CLIENT_NET} via {_OTHER_NETS[1][1]}")
        middle.ip("link set client down", "link set server down")

    def add_ipv6(self, certificates: Certificates) -> None:
        """The same street for the second family; the server is `SERVER6` by it."""
        row = [self.client, *self.routers, self.server]
        for one in row:
            one.sysctl(
                "net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.default.disable_ipv6=0",
                "net.ipv6.conf.all.accept_ra=0", "net.ipv6.conf.all.forwarding=1",
            )  # fmt: skip
        for near, far, ends in zip(row, row[1:], _NETS6, strict=False):
            out = OUT if near is self.client else "server"
            near.ip(f"addr add {ends[0]}/64 dev {out} nodad")
            far.ip(f"addr add {ends[1]}/64 dev client nodad")
        self.server.ip(f"addr add {SERVER6}/128 dev lo nodad")
        for place, one in enumerate(row[:-1]):
            one.ip(f"route add {SERVER6}/128 via {_NETS6[place][1]}")
        for place, one in enumerate(row[2:], start=1):
            one.ip(f"route add {CLIENT_NET6} via {_NETS6[place][0]}")
        sought = ("ip", "-6", "addr", "show", "tentative")
        until(lambda: not any(one.run(*sought) for one in row), "IPv6")
        self._serve(SERVER6, certificates)

    def _serve(self, address: str, certificates: Certificates) -> None:
        self.server.start(
            f"echo-{len(self.server.processes)}", sys.executable, str(_SERVER),
            "--address", address, "--chain", str(certificates.chain),
            "--key", str(certificates.key), "--ports", str(WSS_PORT), str(TLS_PORT),
        ).wait_until_says("listening")  # fmt: skip
