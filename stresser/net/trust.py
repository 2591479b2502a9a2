"""Judges certificate chains apart from the handshake, so that a bad chain can be held and told.

The same OpenSSL code that a handshake would use (X509_verify_cert), through pyOpenSSL, its
sole owner here; then the name, by RFC 9525. One verdict for each distinct chain and name.
"""

import hashlib
import ipaddress
import ssl
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import certifi
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct
from OpenSSL import crypto

_TEXT_LIMIT = 256
_NAMES_LIMIT = 50
_CERTIFICATES_LIMIT = 20
_CACHE_LIMIT = 4096

# What cryptography raises for certificates that OpenSSL lets through; not all are ValueErrors.
_UNREADABLE = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class ChainVerdict(Struct, frozen=True, kw_only=True):
    """What verification says about one chain for one name."""

    chain: str
    """The first 16 hex digits of SHA-256 over the DER certificates as served."""
    problem: str | None
    """What is wrong, by the roots a client on this host would trust; None: it verifies."""
    endpoint_proved: bool
    """It verifies by Mozilla's roots (certifi) or the endpoint's own `ca` alone. A root that
    somebody put into this host's store proves nothing about who holds the other end."""


class ChainJudge:
    """Verifies chains against the system's roots and the endpoint's own.

    Raises:
        ValueError: a CA file holds no certificate.
    """

    def __init__(self, ca_files: tuple[str, ...]) -> None:
        self._trusted_here = _system_store(ca_files)
        self._public = _public_store(ca_files)
        # By digest: the chains themselves, 100 KB each, would be a peer's to choose.
        self._verdicts: dict[tuple[bytes, str], ChainVerdict] = {}

    def judge(self, chain: tuple[bytes, ...], server_name: str) -> ChainVerdict:
        """Verify a chain (DER, leaf first) for a name. Never raises for what a peer sent."""
        key = (_digest(chain), server_name)
        verdict = self._verdicts.get(key)
        if verdict is None:
            verdict = self._verify(chain, server_name)
            if len(self._verdicts) >= _CACHE_LIMIT:  # a peer that makes a chain for each session
                self._verdicts.clear()
            self._verdicts[key] = verdict
        return verdict

    def _verify(self, chain: tuple[bytes, ...], server_name: str) -> ChainVerdict:
        wrong_leaf = _leaf_problem(chain[0], server_name) if chain else None
        problem = _chain_problem(self._trusted_here, chain) or wrong_leaf
        doubt = _chain_problem(self._public, chain) or wrong_leaf
        return ChainVerdict(chain=chain_id(chain), problem=problem, endpoint_proved=doubt is None)


def chain_id(chain: tuple[bytes, ...]) -> str:
    """16 hex digits that name a chain."""
    return _digest(chain).hex()[:16]


def _digest(chain: tuple[bytes, ...]) -> bytes:
    return hashlib.sha256(b"".join(chain)).digest()


def _public_store(ca_files: tuple[str, ...]) -> crypto.X509Store:
    store = crypto.X509Store()
    for path in (certifi.where(), *ca_files):
        _load(store, path)
    return store


def _load(store: crypto.X509Store, path: str) -> None:
    try:
        store.load_locations(path)
    except crypto.Error as exc:  # OpenSSL says why in its own numbers, or not at all
        raise ValueError("it holds no certificate in PEM form") from exc


def _system_store(ca_files: tuple[str, ...]) -> crypto.X509Store:
    store = crypto.X509Store()
    defaults = ssl.get_default_verify_paths()
    if defaults.cafile or defaults.capath:
        store.load_locations(defaults.cafile, defaults.capath)
    elif sys.platform == "win32":
        for der, _, _ in ssl.enum_certificates("ROOT"):
            store.add_cert(crypto.load_certificate(crypto.FILETYPE_ASN1, der))
    else:  # python.org's macOS builds know no system store: certifi's is the nearest
        store.load_locations(certifi.where())
    for path in ca_files:
        _load(store, path)
    return store


def _chain_problem(store: crypto.X509Store, chain: tuple[bytes, ...]) -> str | None:
    if not chain:
        return "the peer served no certificate"
    try:
        parsed = [crypto.load_certificate(crypto.FILETYPE_ASN1, der) for der in chain]
        crypto.X509StoreContext(store, parsed[0], parsed[1:]).verify_certificate()
    except crypto.X509StoreContextError as exc:
        depth = exc.errors[1] if len(exc.errors) > 1 else 0
        where = "" if depth == 0 else f" (certificate {depth} above the leaf)"
        return f"{exc.errors[-1]}{where}"[:_TEXT_LIMIT]
    except (crypto.Error, ValueError, TypeError) as exc:
        return f"a certificate cannot be decoded: {exc}"[:_TEXT_LIMIT]
    return None


def _leaf_problem(leaf: bytes, server_name: str) -> str | None:
    """What a handshake would also ask of the leaf: its purpose and its names."""
    try:
        with _quiet():
            certificate = x509.load_der_x509_certificate(leaf)
            serves, covers = _is_for_servers(certificate), _is_for(certificate, server_name)
    except (*_UNREADABLE, x509.ExtensionNotFound) as exc:
        return f"the leaf's names cannot be read: {exc}"[:_TEXT_LIMIT]
    if not serves:
        return "the leaf is not for TLS servers (its extended key usage)"
    return None if covers else f"the leaf is not for {server_name}"[:_TEXT_LIMIT]


def _is_for_servers(certificate: x509.Certificate) -> bool:
    """RFC 5280 section 4.2.1.12; as in OpenSSL, anyExtendedKeyUsage alone is not enough."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH in usage


def _is_for(certificate: x509.Certificate, server_name: str) -> bool:
    """An address is for IP-IDs alone, a name for DNS-IDs alone (RFC 9525 section 6)."""
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    try:
        address = ipaddress.ip_address(server_name)
    except ValueError:
        return any(matches(name, server_name) for name in san.get_values_for_type(x509.DNSName))
    return address in san.get_values_for_type(x509.IPAddress)


def _subject_alternative_names(certificate: x509.Certificate) -> list[str]:
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    dns = san.get_values_for_type(x509.DNSName)
    return [*dns, *(str(ip) for ip in san.get_values_for_type(x509.IPAddress))]


def matches(pattern: str, server_name: str) -> bool:
    """Whether a DNS-ID is for a name (RFC 9525 section 6.3: left-most label wildcard)."""
    pattern, name = pattern.lower().rstrip("."), server_name.lower().rstrip(".")
    if not pattern.startswith("*."):
        return pattern == name
    label, dot, parent = name.partition(".")
    return bool(label and dot) and "." in parent and parent == pattern[2:]


@contextmanager
def _quiet() -> Iterator[None]:
    """The parser warns of oddities that a peer chooses: they are not for our user's stderr."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def describe_chain(chain: tuple[bytes, ...]) -> list[dict[str, Any]]:
    """What each certificate says of itself, leaf first; texts cut, nothing raised."""
    with _quiet():
        return [_describe(der) for der in chain[:_CERTIFICATES_LIMIT]]


def _describe(der: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = {"sha256": hashlib.sha256(der).hexdigest()}
    try:
        certificate = x509.load_der_x509_certificate(der)
        facts["subject"] = _name_text(certificate.subject)
        facts["issuer"] = _name_text(certificate.issuer)
        facts["not_before"] = certificate.not_valid_before_utc.isoformat()
        facts["not_after"] = certificate.not_valid_after_utc.isoformat()
        names = _subject_alternative_names(certificate)
        facts["names"] = [name[:_TEXT_LIMIT] for name in names[:_NAMES_LIMIT]]
    except x509.ExtensionNotFound:
        facts["names"] = []
    except _UNREADABLE as exc:
        facts["problem"] = f"cannot be decoded: {exc}"[:_TEXT_LIMIT]
    return facts


def _name_text(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    organisation = name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    parts = [f"CN={_text(a.value)}" for a in common] + [f"O={_text(a.value)}" for a in organisation]
    return ", ".join(parts)[:_TEXT_LIMIT] or name.rfc4514_string()[:_TEXT_LIMIT]


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "backslashreplace")
