"""Which network interfaces are tunnels: by kind, by hardware type, at last by name."""

import re
from enum import StrEnum

from stresser.witness.netlink import Link


class TunnelSign(StrEnum):
    """What says that an interface is a tunnel, the most reliable first."""

    KIND = "kind"
    HARDWARE = "hardware type"
    NAME = "name"


_KINDS = frozenset(
    {
        "tun", "wireguard", "amneziawg", "ovpn", "ovpn-dco", "ppp", "xfrm", "vti", "vti6", "ipip",
        "ip6tnl", "sit", "gre", "gretap", "ip6gre", "ip6gretap", "erspan", "l2tpeth",
    }
)  # fmt: skip
"""IFLA_INFO_KIND. Container networks' overlays (vxlan, geneve) are left out: no VPN uses them."""
_HARDWARE = frozenset({256, 257, 512, 768, 769, 776, 778, 823, 0xFFFE})
"""linux/if_arp.h: SLIP, CSLIP, PPP, TUNNEL, TUNNEL6, SIT, IPGRE, IP6GRE, and NONE, which tun and
wireguard say."""
_NAMES = re.compile(
    r"(tun|tap|utun|wg|ppp|ipsec|vpn|cscotun|gpd|tailscale|nordlynx|proton|zt)[0-9a-z]*"
)
_ETHERNET = 1
_WITHOUT_TUNNEL = frozenset(
    {"veth", "bridge", "dummy", "vlan", "bond", "team", "macvlan", "ipvlan"}
)


def tunnel_sign(link: Link) -> TunnelSign | None:
    """What says that it is a tunnel; None: nothing does."""
    if link.kind in _KINDS:
        return TunnelSign.KIND
    if link.arp_type in _HARDWARE and link.kind not in _WITHOUT_TUNNEL:
        return TunnelSign.HARDWARE
    if link.kind is None and _NAMES.fullmatch(link.name.lower()):
        return TunnelSign.NAME
    return None


def link_words(link: Link) -> str:
    """What an interface is: `tun, a tunnel, MTU 1400`."""
    sign = tunnel_sign(link)
    words = [link.kind or ("Ethernet" if link.arp_type == _ETHERNET else f"type {link.arp_type}")]
    if sign is not None:
        words.append("a tunnel" if sign is TunnelSign.KIND else f"a tunnel by its {sign.value}")
    return ", ".join([*words, f"MTU {link.mtu}"])
