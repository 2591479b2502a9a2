"""What certificates say of themselves, read without believing it: bounded, and never fatal."""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID
from msgspec import Struct

_TEXT_LIMIT = 256
_NAMES_LIMIT = 50
_CERTIFICATES_LIMIT = 20
_LARGEST_CERTIFICATE = 256 * 1024
"""Bytes. OpenSSL takes no chain over 100 KB in a handshake (SSL_CTX_set_max_cert_list(3))."""

# What cryptography raises for certificates that OpenSSL lets through; not all are ValueErrors.
UNREADABLE = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
_PUBLIC_POLICIES = frozenset(
    # The CA/Browser Forum's policies: extended, domain, organisation and individual validation.
    {"2.23.140.1.1", "2.23.140.1.2.1", "2.23.140.1.2.2", "2.23.140.1.2.3"}
)


class LeafFacts(Struct, frozen=True, kw_only=True):
    """What the leaf says. None: it cannot be read."""

    spki_sha256: str | None = None
    """Of its public key: the same key in a renewed certificate has the same."""
    issuer: str | None = None
    issuer_organisation: str | None = None
    not_before: str | None = None
    not_after: str | None = None
    scts: int | None = None
    """Signed certificate timestamps in the leaf (RFC 6962 section 3.3). Public CAs embed two or
    more; an interceptor's CA seldom does. They are counted, their signatures are not checked."""
    public_policy: bool = False
    """It claims a validation policy of the CA/Browser Forum."""

    @property
    def claims_to_be_public(self) -> bool:
        """It carries what public CAs put into leaves. Anybody can write it there."""
        return bool(self.scts) or self.public_policy


@contextmanager
def quiet() -> Iterator[None]:
    """The parser warns of oddities that a peer chooses: they are not for our user's stderr."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def describe_chain(chain: tuple[bytes, ...]) -> list[dict[str, Any]]:
    """What each certificate says of itself, leaf first; texts cut, nothing raised."""
    with quiet():
        return [_describe(der) for der in chain[:_CERTIFICATES_LIMIT]]


def leaf_facts(chain: tuple[bytes, ...]) -> LeafFacts:
    """What the leaf says of itself; texts cut, nothing raised."""
    try:
        with quiet():
            return _leaf_facts(load(chain[0])) if chain else LeafFacts()
    except UNREADABLE:
        return LeafFacts()


@lru_cache(maxsize=256)
def load(der: bytes) -> x509.Certificate:
    """One certificate, of bounded size; parsed once, for several ask about it in turn.

    Raises:
        UNREADABLE: it is no certificate; its extensions may raise the same when they are asked for.
    """
    if len(der) > _LARGEST_CERTIFICATE:
        raise ValueError(f"a certificate of {len(der)} bytes")
    return x509.load_der_x509_certificate(der)


def spki_sha256(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate's SubjectPublicKeyInfo in hex, as RFC 7469 section 2.4 pins it.

    Raises:
        UNREADABLE: of an unknown kind of key.
    """
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(spki).hexdigest()


def name_values(name: x509.Name, oid: x509.ObjectIdentifier) -> list[str]:
    """The values of one kind of attribute (CN, O, OU) in a distinguished name, cut."""
    return [_text(attribute.value)[:_TEXT_LIMIT] for attribute in name.get_attributes_for_oid(oid)]


def _describe(der: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = {"sha256": hashlib.sha256(der).hexdigest()}
    try:
        certificate = load(der)
        facts["subject"] = name_text(certificate.subject)
        facts["issuer"] = name_text(certificate.issuer)
        facts["not_before"] = certificate.not_valid_before_utc.isoformat()
        facts["not_after"] = certificate.not_valid_after_utc.isoformat()
        names = _subject_alternative_names(certificate)
        facts["names"] = [name[:_TEXT_LIMIT] for name in names[:_NAMES_LIMIT]]
    except x509.ExtensionNotFound:
        facts["names"] = []
    except UNREADABLE as exc:
        facts["problem"] = f"cannot be decoded: {exc}"[:_TEXT_LIMIT]
    return facts


def _leaf_facts(leaf: x509.Certificate) -> LeafFacts:
    organisations = name_values(leaf.issuer, NameOID.ORGANIZATION_NAME)
    return LeafFacts(
        spki_sha256=_spki_or_none(leaf),
        issuer=name_text(leaf.issuer),
        issuer_organisation=organisations[0] if organisations else None,
        not_before=leaf.not_valid_before_utc.isoformat(),
        not_after=leaf.not_valid_after_utc.isoformat(),
        scts=_scts(leaf),
        public_policy=_claims_public_policy(leaf),
    )


def _spki_or_none(certificate: x509.Certificate) -> str | None:
    try:
        return spki_sha256(certificate)
    except UNREADABLE:
        return None


def _scts(leaf: x509.Certificate) -> int | None:
    try:
        found = leaf.extensions.get_extension_for_class(
            x509.PrecertificateSignedCertificateTimestamps
        )
    except x509.ExtensionNotFound:
        return 0
    except UNREADABLE:
        return None
    return len(found.value)


def _claims_public_policy(leaf: x509.Certificate) -> bool:
    try:
        found = leaf.extensions.get_extension_for_class(x509.CertificatePolicies)
    except (x509.ExtensionNotFound, *UNREADABLE):
        return False
    return any(policy.policy_identifier.dotted_string in _PUBLIC_POLICIES for policy in found.value)


def _subject_alternative_names(certificate: x509.Certificate) -> list[str]:
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    dns = san.get_values_for_type(x509.DNSName)
    return [*dns, *(str(ip) for ip in san.get_values_for_type(x509.IPAddress))]


def name_text(name: x509.Name) -> str:
    """A distinguished name as one line: `CN=..., O=...`; as the peer wrote it, cut."""
    parts = [f"CN={value}" for value in name_values(name, NameOID.COMMON_NAME)]
    parts += [f"O={value}" for value in name_values(name, NameOID.ORGANIZATION_NAME)]
    return ", ".join(parts)[:_TEXT_LIMIT] or name.rfc4514_string()[:_TEXT_LIMIT]


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "backslashreplace")
