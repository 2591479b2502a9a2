"""Which family an address belongs to."""

import ipaddress


def family_of(address: str) -> str | None:
    """`IPv4` or `IPv6` of `address:port`; None: it is neither."""
    try:
        number = ipaddress.ip_address(address.rpartition(":")[0].strip("[]").partition("%")[0])
    except ValueError:
        return None
    return f"IPv{number.version}"
