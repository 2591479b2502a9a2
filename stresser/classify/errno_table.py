"""What each errno of a TCP socket means: the one errno table.

Windows' WSA numbers reach Python under the same names (errno module), so the names are keys.
Failure strings: ooni/spec df-007-errors.md where one exists; the rest is ours.
"""

import errno
from typing import NamedTuple

from stresser.model.ending import Kind


class Meaning(NamedTuple):
    """Kind and failure string of an errno."""

    kind: Kind
    failure: str


_BY_NAME = {
    "ECONNRESET": Meaning(Kind.TCP_RESET, "connection_reset"),
    # A send after the RST was processed (tcp(7)).
    "EPIPE": Meaning(Kind.TCP_RESET, "connection_reset"),
    "ECONNREFUSED": Meaning(Kind.REFUSED, "connection_refused"),
    "ETIMEDOUT": Meaning(Kind.KERNEL_TIMEOUT, "timed_out"),
    "EHOSTUNREACH": Meaning(Kind.UNREACHABLE, "host_unreachable"),
    "ENETUNREACH": Meaning(Kind.UNREACHABLE, "network_unreachable"),
    "ENETDOWN": Meaning(Kind.UNREACHABLE, "network_down"),
    "EHOSTDOWN": Meaning(Kind.UNREACHABLE, "host_unreachable"),
    # ICMP protocol unreachable, source route failed and host isolated on connect(2), as Linux
    # translates them (net/ipv4/icmp.c, icmp_err_convert).
    "ENOPROTOOPT": Meaning(Kind.UNREACHABLE, "host_unreachable"),
    "EOPNOTSUPP": Meaning(Kind.UNREACHABLE, "host_unreachable"),
    "ENONET": Meaning(Kind.UNREACHABLE, "host_unreachable"),
    # Our own firewall or route refuses (iptables REJECT on OUTPUT, `ip route add prohibit`).
    "EACCES": Meaning(Kind.UNREACHABLE, "permission_denied"),
    "EPERM": Meaning(Kind.UNREACHABLE, "permission_denied"),
    # The interface or its address is gone: the VPN is down.
    "ENODEV": Meaning(Kind.UNREACHABLE, "no_such_device"),
    "ENXIO": Meaning(Kind.UNREACHABLE, "no_such_device"),
    # A blackhole route on this host says EINVAL to connect(2) (ip-route(8)).
    "EINVAL": Meaning(Kind.UNREACHABLE, "invalid_argument"),
    "EAFNOSUPPORT": Meaning(Kind.UNREACHABLE, "address_family_not_supported"),
    # Somebody on this host destroyed the socket (`ss -K`).
    "ECONNABORTED": Meaning(Kind.TCP_RESET, "connection_aborted"),
    "EMFILE": Meaning(Kind.TOOL, "too_many_open_files"),
    "ENFILE": Meaning(Kind.TOOL, "too_many_open_files_in_system"),
    "ENOBUFS": Meaning(Kind.TOOL, "no_buffer_space"),
    "ENOMEM": Meaning(Kind.TOOL, "out_of_memory"),
    # bind(2)/connect(2) found no free local port.
    "EADDRINUSE": Meaning(Kind.TOOL, "local_ports_exhausted"),
}
_BY_NUMBER = {
    getattr(errno, name): meaning for name, meaning in _BY_NAME.items() if hasattr(errno, name)
}


def meaning_of(error: OSError, *, local_address_chosen: bool) -> Meaning:
    """What an OSError of a socket says.

    EADDRNOTAVAIL has two meanings (connect(2)): with a source address that we chose, the
    address is no longer this host's; otherwise the ephemeral ports are used up.
    """
    if error.errno == errno.EADDRNOTAVAIL:
        if local_address_chosen:
            return Meaning(Kind.UNREACHABLE, "address_not_available")
        return Meaning(Kind.TOOL, "local_ports_exhausted")
    found = _BY_NUMBER.get(error.errno or 0)
    if found is not None:
        return found
    return Meaning(Kind.UNKNOWN, f"unknown_failure: {errno.errorcode.get(error.errno or 0, error)}")


def is_silent(error: BaseException) -> bool:
    """Whether an error of a socket says that no answer came: the end was unannounced."""
    if not isinstance(error, OSError):
        return False
    kind = meaning_of(error, local_address_chosen=True).kind
    return kind in {Kind.KERNEL_TIMEOUT, Kind.UNREACHABLE}
