"""Whether a leaf is for the server that was asked for, as OpenSSL's X509_check_host(3) decides."""

import ipaddress

from cryptography import x509
from cryptography.x509.oid import NameOID

from stresser.net.chain_facts import UNREADABLE, load, name_values, quiet


def names_server(leaf: bytes, server_name: str) -> bool | None:
    """Whether a leaf (DER) is for a server; None: its names cannot be read. Never raises."""
    try:
        with quiet():
            return is_for(load(leaf), server_name)
    except UNREADABLE:
        return None


def names_nobody(leaf: bytes) -> bool:
    """Whether a leaf has no alternative name at all, so that browsers refuse it for any server."""
    try:
        with quiet():
            load(leaf).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return True
    except UNREADABLE:
        return False
    return False


def is_for(certificate: x509.Certificate, server_name: str) -> bool:
    """An address is for IP-IDs alone, a name for DNS-IDs; the CN counts where there are none.

    (RFC 9525 section 2 forbids the CN; OpenSSL and Schannel still take it.)

    Raises:
        UNREADABLE: its extensions cannot be read.
    """
    names, addresses = _alternative_names(certificate)
    try:
        address = ipaddress.ip_address(server_name)
    except ValueError:
        named = names or name_values(certificate.subject, NameOID.COMMON_NAME)
        return any(matches(name, server_name) for name in named)
    return address in addresses


def _alternative_names(
    certificate: x509.Certificate,
) -> tuple[list[str], list[ipaddress.IPv4Address | ipaddress.IPv6Address]]:
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [], []
    addresses = [
        address
        for address in san.get_values_for_type(x509.IPAddress)
        if isinstance(address, ipaddress.IPv4Address | ipaddress.IPv6Address)
    ]
    return san.get_values_for_type(x509.DNSName), addresses


def matches(pattern: str, server_name: str) -> bool:
    """Whether a DNS-ID is for a name (RFC 9525 section 6.3: left-most label wildcard)."""
    pattern, name = pattern.lower().rstrip("."), server_name.lower().rstrip(".")
    if not pattern.startswith("*."):
        return pattern == name
    label, dot, parent = name.partition(".")
    return bool(label and dot) and "." in parent and parent == pattern[2:]
