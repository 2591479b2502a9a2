"""Whether a leaf is for the server that was asked for: its names (RFC 9525) and its purpose."""

import ipaddress

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec import Struct

from stresser.net.chain_facts import UNREADABLE, load, quiet

_TEXT_LIMIT = 256


class LeafFit(Struct, frozen=True, kw_only=True):
    """How a leaf fits a server's name."""

    problem: str | None
    """What a handshake would not take; None: it fits."""
    names_match: bool | None
    """One of its alternative names is the server's; None: they cannot be read."""


def leaf_fit(leaf: bytes, server_name: str) -> LeafFit:
    """What a handshake would also ask of the leaf: its purpose and its names. Never raises."""
    try:
        with quiet():
            certificate = load(leaf)
            serves, covers = _is_for_servers(certificate), is_for(certificate, server_name)
    except (*UNREADABLE, x509.ExtensionNotFound) as exc:
        unreadable = f"the leaf's names cannot be read: {exc}"[:_TEXT_LIMIT]
        nameless = isinstance(exc, x509.ExtensionNotFound)
        return LeafFit(problem=unreadable, names_match=False if nameless else None)
    if not serves:
        purpose = "the leaf is not for TLS servers (its extended key usage)"
        return LeafFit(problem=purpose, names_match=covers)
    problem = None if covers else f"the leaf is not for {server_name}"[:_TEXT_LIMIT]
    return LeafFit(problem=problem, names_match=covers)


def _is_for_servers(certificate: x509.Certificate) -> bool:
    """RFC 5280 section 4.2.1.12; as in OpenSSL, anyExtendedKeyUsage alone is not enough."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH in usage


def is_for(certificate: x509.Certificate, server_name: str) -> bool:
    """An address is for IP-IDs alone, a name for DNS-IDs alone (RFC 9525 section 6).

    Raises:
        UNREADABLE, x509.ExtensionNotFound: there are no names to be read.
    """
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    try:
        address = ipaddress.ip_address(server_name)
    except ValueError:
        return any(matches(name, server_name) for name in san.get_values_for_type(x509.DNSName))
    return address in san.get_values_for_type(x509.IPAddress)


def matches(pattern: str, server_name: str) -> bool:
    """Whether a DNS-ID is for a name (RFC 9525 section 6.3: left-most label wildcard)."""
    pattern, name = pattern.lower().rstrip("."), server_name.lower().rstrip(".")
    if not pattern.startswith("*."):
        return pattern == name
    label, dot, parent = name.partition(".")
    return bool(label and dot) and "." in parent and parent == pattern[2:]
