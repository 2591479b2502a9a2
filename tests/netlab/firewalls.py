"""Owns the rules of stateful firewalls and NATs, as nft(8) reads them."""

import contextlib
import ssl
from collections.abc import Iterable

from tests.netlab.certificates import NAME

IDLE_TIMEOUT_S = 3
"""Of an established flow; real ones wait for minutes or hours."""


def settings(idle_s: int) -> tuple[str, ...]:
    """What forgets an established flow that was quiet for so long."""
    return (
        f"net.netfilter.nf_conntrack_tcp_timeout_established={idle_s}",
        # A flow whose beginning was not seen is not taken up (the kernel's default is to).
        "net.netfilter.nf_conntrack_tcp_loose=0",
        "net.netfilter.nf_conntrack_timestamp=1",
    )


SETTINGS = settings(IDLE_TIMEOUT_S)
WATCH = ("conntrack", "-E", "-e", "DESTROY", "-o", "xml,ktimestamp")
"""Says when each flow expired, whenever the kernel came to clear it away (conntrack(8))."""
PATIENT = ("net.netfilter.nf_conntrack_tcp_loose=0",)

_STATEFUL = """
table inet wall {{
  chain forwarded {{
    type filter hook forward priority filter; policy drop;
    {unknown}
    ct state established,related accept
    iifname "client" ct state new tcp flags & (fin|syn|rst|ack) == syn accept
    {unknown}
  }}
}}
"""
STATEFUL_DROP = _STATEFUL.format(unknown="ct state invalid drop")
# Never answer a reset with a reset (RFC 9293 section 3.5.2).
STATEFUL_RESET = _STATEFUL.format(
    unknown="ct state invalid tcp flags & rst == 0 reject with tcp reset"
)
STATEFUL_RESET_TO = """
table inet wall {{
  chain forwarded {{
    type filter hook forward priority filter; policy drop;
    ct state invalid ip daddr {server} tcp flags & rst == 0 reject with tcp reset
    ct state invalid drop
    ct state established,related accept
    iifname "client" ct state new tcp flags & (fin|syn|rst|ack) == syn accept
    ip daddr {server} tcp flags & rst == 0 reject with tcp reset
  }}
}}
"""
"""What it does not know is reset on the way to one server, and dropped to any other."""
MASQUERADE = """
table ip nat {
  chain leaving {
    type nat hook postrouting priority srcnat;
    oifname != "client" masquerade
  }
}
"""
"""To know of a flow nft must have asked for its state, which NAT does."""
BLACK_HOLE = """
table inet hole {
  chain forwarded {
    type filter hook forward priority filter - 5; policy drop;
  }
}
"""
NO_FRAGMENTATION_NEEDED = """
table ip quiet {
  chain out {
    type filter hook output priority filter; policy accept;
    icmp type destination-unreachable icmp code frag-needed drop
  }
}
"""
"""What makes a path MTU black hole of a narrow link (RFC 2923 section 2.1)."""


LOSES_ANSWERS = """
table inet lossy {
  chain forwarded {
    type filter hook forward priority filter;
    iifname "server" ip length > 60 drop
  }
}
"""
LOSES_ALL_ANSWERS = """
table inet lossy {
  chain forwarded {
    type filter hook forward priority filter;
    iifname "server" drop
  }
}
"""
_LOSES_SOME = """
table inet lossy {{
  chain forwarded {{
    type filter hook forward priority filter;
    iifname "{side}" numgen random mod 1000 < {of_1000} drop
  }}
}}
"""


def loses_some_from(side: str, of_1000: int = 50) -> str:
    """So many of a thousand packets that come in from there, at random."""
    return _LOSES_SOME.format(side=side, of_1000=of_1000)


SERVERS_OWN = """
table inet own {
  chain arriving {
    type filter hook input priority filter;
    ct state invalid drop
    ct state established accept
    ct state new tcp flags & (fin|syn|rst|ack) == syn accept
    tcp dport 8443 drop
  }
}
"""
"""Of a server that does not take up flows whose beginning it has not seen."""


def meets_name(verdict: str, *, chain: str = "forward", source: str = "0.0.0.0/0") -> str:
    """What happens to a ClientHello that asks for `NAME`, which stands at one place in all of ours.

    `@ih` is what follows TCP's header, in bits.
    """
    name = NAME.encode()
    where = client_hello().index(name) * 8
    return f"""
table ip named {{
  chain passing {{
    type filter hook {chain} priority filter - 5;
    ip saddr {source} tcp dport 8443 @ih,{where},{len(name) * 8} 0x{name.hex()} {verdict}
  }}
}}
"""


def client_hello() -> bytes:
    """As Python's client sends it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=NAME)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


ONE_SEGMENT = """
table ip short {
  chain passing {
    type filter hook forward priority filter - 5;
    tcp dport 8443 @ih,0,24 0x160301 ip length < 540 drop
  }
}
"""
"""Of a box that judges one segment: it drops a ClientHello that fills more than one."""
_OF_HELLOS = """
table ip hellos {{
  chain passing {{
    type filter hook forward priority filter - 5;
    {rules}
  }}
}}
"""
_FOLLOWS = "iifname client tcp dport 8443 ct reply bytes < 300 ip length > 60 @ih,0,24 != 0x160301"
"""What comes behind a hello's first packet, before the server has said anything."""
FIRST_SEGMENT_ALONE = _OF_HELLOS.format(rules=f"{_FOLLOWS} drop")
"""Of a box that reads the first packet, and drops what comes before that was answered."""
NO_LONG_HELLO = _OF_HELLOS.format(rules="tcp dport 8443 @ih,0,24 0x160301 @ih,24,16 > 1400 drop")
"""A hello that says of itself that it is longer is dropped, in whatever segments it comes."""


def _has(what: bytes, places: Iterable[int], verdict: str) -> str:
    sized = f"{len(what) * 8} 0x{what.hex()}"
    return "\n".join(f"@ih,{at * 8},{sized} {verdict}" for at in places)


_OF_FIRST_PACKETS = """
table ip looking {{
  chain look {{
    {found}
    {otherwise}
  }}
  chain passing {{
    type filter hook forward priority filter - 5;
    tcp dport 8443 @ih,0,24 0x160301 jump look
  }}
}}
"""
NAME_IN_FIRST_SEGMENT = _OF_FIRST_PACKETS.format(
    found=_has(NAME.encode(), range(60, 420), "return"), otherwise="drop"
)
"""Of a box that looks for a name in the first packet, and drops what has none there."""
NO_ML_KEM = _OF_FIRST_PACKETS.format(
    found=_has(bytes.fromhex("11ec04c0"), range(60, 420), "drop"), otherwise="accept"
)
"""Of a box that drops a hello with a key share of X25519MLKEM768."""


def loses_longer(which: str, size: int) -> str:
    """Packets that are longer than that are lost, without a word."""
    return _OF_HELLOS.format(rules=f"{which} ip length > {size} drop")


NOTHING_BIG_TO_SERVER = """
table ip sized {
  chain passing {
    type filter hook forward priority filter - 5;
    oifname != "client" ip length > 1100 drop
  }
}
"""


BIG_IPV6_LOST = """
table ip6 sized {
  chain forwarded {
    type filter hook forward priority filter; policy accept;
    oifname "client" ip6 length > 1100 drop
  }
}
"""
"""Of IPv6 alone big packets towards the client are lost, without a word."""


def drops(address: str, chain: str = "forward") -> str:
    """What goes to an address is dropped."""
    return f"""
table inet dropping {{
  chain passing {{
    type filter hook {chain} priority filter - 5;
    ip daddr {address} drop
  }}
}}
"""


COUNTS_BYTES = (
    "net.netfilter.nf_conntrack_acct=1",
    "net.netfilter.nf_conntrack_tcp_timeout_close=600",
)
"""Of each flow; and one that was reset stays in the table, with its counts."""


def carries_so_much(number: int, port: int, verdict: str) -> str:
    """What happens to a flow to a port when so many bytes have passed it, headers included."""
    return f"""
table inet carries_{port} {{
  chain forwarded {{
    type filter hook forward priority filter - 5;
    tcp dport {port} ct bytes > {number} {verdict}
    tcp sport {port} ct bytes > {number} {verdict}
  }}
}}
"""


def redirect(port: int, to: int) -> str:
    """Send what is meant for a server's port to a proxy in this box."""
    return _caught(f'iifname "client" tcp dport {port} redirect to :{to}')


def serve_also_at(ports: range, side: str, address: str, port: int) -> str:
    """In a server: what comes from a side for these ports is for this address and port."""
    last = ports.stop - 1
    return _caught(f'iifname "{side}" tcp dport {ports.start}-{last} dnat to {address}:{port}')


def _caught(rule: str) -> str:
    return f"""
table ip caught {{
  chain arriving {{
    type nat hook prerouting priority dstnat;
    {rule}
  }}
}}
"""
