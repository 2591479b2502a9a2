"""Why our own handshake refuses a chain, in words, and which certificate is to blame.

What a rehearsal brings is OpenSSL's number and the path that it tried. Which certificate of the
path the number is about is looked for here, in OpenSSL's own order.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from stresser.net.chain_facts import UNREADABLE, load, quiet
from stresser.net.chain_words import issuer_of, subject_of, validity_of
from stresser.net.lineage import MOST_CHECKS, date_fault, is_signed_by, read
from stresser.net.rehearsal import Rehearsal

_TEXT_LIMIT = 256
_LEAST_RSA, _LEAST_EC = 2048, 224
"""Bits of a key that OpenSSL's security level 2 takes (SSL_CTX_set_security_level(3))."""
_BROKEN_DIGESTS = frozenset({"md5", "sha1"})
_KNOWN_CRITICAL = (
    x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName,
    x509.NameConstraints, x509.CertificatePolicies, x509.PolicyConstraints,
    x509.InhibitAnyPolicy,
)  # fmt: skip
_UNUSABLE_KEY = frozenset(
    {
        "WRONG_CERTIFICATE_TYPE",
        "UNKNOWN_CERTIFICATE_TYPE",
        "UNABLE_TO_FIND_PUBLIC_KEY_PARAMETERS",
    }
)

NO_ISSUER = frozenset({2, 20, 21})
SELF_SIGNED_LEAF, SELF_SIGNED_ROOT = 18, 19
"""X509_V_ERR_ numbers (openssl/x509_vfy.h): no way from the chain to a root that is trusted."""
_NOT_YET_VALID, _EXPIRED, _BAD_SIGNATURE, _PURPOSE = 9, 10, 7, 26
DATES = frozenset({_NOT_YET_VALID, _EXPIRED})
OTHER_NAME = frozenset({62, 64})
"""X509_V_ERR_ numbers of a name or an address that is not the leaf's."""


_CONSTRAINT = ", by a name constraint of one of its CAs"
_MEANINGS = {
    1: ", as OpenSSL says where names and name constraints are too many",
    25: ": more CAs stand below one of its CAs than that one allows",
    47: _CONSTRAINT,
    48: _CONSTRAINT,
    49: _CONSTRAINT,
    51: _CONSTRAINT,
}
"""What OpenSSL's words mean, by X509_V_ERR_ number, where they do not say so themselves."""


def refusal_words(heard: Rehearsal, server_name: str, now: datetime) -> str:
    """Why our own handshake refuses a chain, and which certificate is to blame."""
    if heard.code is None:
        return _unread_words(heard.reason)
    if heard.code in OTHER_NAME:
        return f"the leaf is not for {server_name}"[:_TEXT_LIMIT]
    at = _culprit(heard, now)
    if heard.code == _PURPOSE:
        return _purpose_words(heard.path[0] if at == 0 else None, at)
    words = heard.reason.rstrip(".").replace("self signed", "self-signed")
    return f"{words}{_where(at)}{_MEANINGS.get(heard.code, '')}"[:_TEXT_LIMIT]


def _unread_words(reason: str) -> str:
    if reason in _UNUSABLE_KEY:
        return "no handshake of ours can use the leaf's kind of key"
    if reason == "EXCESSIVE_MESSAGE_SIZE":
        return "it is larger than OpenSSL takes (100 KB)"
    return "a certificate cannot be decoded"


def _where(at: int | None) -> str:
    return f" (certificate {at} above the leaf)" if at else ""


def _purpose_words(leaf: bytes | None, at: int | None) -> str:
    if leaf is None:
        return f"an issuer's certificate is not for TLS servers{_where(at)}"
    usage = "extended key usage" if _lacks_server_purpose(leaf) else "key usage"
    return f"the leaf is not for TLS servers (its {usage})"


def _culprit(heard: Rehearsal, now: datetime) -> int | None:
    """How far above the leaf the certificate stands that a refusal is about; None: not known."""
    path, code = heard.path, heard.code or 0
    if code in NO_ISSUER or code == SELF_SIGNED_ROOT:
        return len(path) - 1
    if code in DATES:  # OpenSSL looks from the root down
        wanted = "expired" if code == _EXPIRED else "not yet valid"
        return _first(range(len(path))[::-1], lambda at: date_fault(path[at], now) == wanted)
    if code == _BAD_SIGNATURE:
        return _first(range(len(path) - 1)[::-1], lambda at: not _is_signed(path[at], path[at + 1]))
    test = _TESTS.get(code)
    return None if test is None else _first(range(len(path)), lambda at: test(path[at], at))


def _first(places: Sequence[int], is_it: Callable[[int], bool]) -> int | None:
    return next((at for at in places if is_it(at)), None)


def _is_signed(below: bytes, above: bytes) -> bool:
    child, parent = read(below), read(above)
    return child is not None and parent is not None and bool(is_signed_by(child, parent))


def _is_weak(der: bytes, at: int) -> bool:
    try:
        with quiet():
            key = load(der).public_key()
    except UNREADABLE:
        return at > 0
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey):
        return at > 0 and key.key_size < _LEAST_RSA
    return at > 0 and isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < _LEAST_EC


def _has_broken_digest(der: bytes, _at: int) -> bool:
    try:
        with quiet():
            digest = load(der).signature_hash_algorithm
    except UNREADABLE:
        return True
    return digest is not None and digest.name in _BROKEN_DIGESTS


def _is_no_issuer(der: bytes, at: int) -> bool:
    certificate = read(der)
    return at > 0 and (
        _is_no_ca(der, at) or (certificate is not None and not _may_sign(certificate))
    )


def _is_no_ca(der: bytes, at: int) -> bool:
    try:
        with quiet():
            found = load(der).extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, *UNREADABLE):
        return at > 0
    return at > 0 and not found.value.ca


def _has_unknown_extension(der: bytes, _at: int) -> bool:
    try:
        with quiet():
            extensions = list(load(der).extensions)
    except UNREADABLE:
        return True
    return any(one.critical and not isinstance(one.value, _KNOWN_CRITICAL) for one in extensions)


def _lacks_server_purpose(der: bytes) -> bool:
    """RFC 5280 section 4.2.1.12; as in OpenSSL, anyExtendedKeyUsage alone is not enough."""
    try:
        with quiet():
            usage = load(der).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    except UNREADABLE:
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH not in usage


def _is_unfit(der: bytes, at: int) -> bool:
    return _lacks_server_purpose(der) or (at == 0 and _may_not_serve(der))


def _may_not_serve(der: bytes) -> bool:
    try:
        with quiet():
            usage = load(der).extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return False
    return not (usage.digital_signature or usage.key_encipherment or usage.key_agreement)


_TESTS: dict[int, Callable[[bytes, int], bool]] = {
    24: _is_no_issuer,
    _PURPOSE: _is_unfit,
    34: _has_unknown_extension,
    67: _is_weak,
    68: _has_broken_digest,
    79: _is_no_issuer,
}
"""What to look for in a path, by X509_V_ERR_ number."""


def dates_words(path: Sequence[bytes], now: datetime) -> list[str]:
    """What is out of date in a path, the leaf last, each with its dates."""
    found = []
    for at in reversed(range(len(path))):
        fault = date_fault(path[at], now)
        if fault is not None:
            words = (
                "certificate has expired" if fault == "expired" else "certificate is not yet valid"
            )
            found.append(f"{words}{_where(at)}{validity_of(path[at])}")
    return found


def signature_words(path: Sequence[bytes]) -> str:
    """Which signature of a path is bad; empty: none is."""
    for at in range(min(len(path), MOST_CHECKS) - 1):
        if not _is_signed(path[at], path[at + 1]):
            return f"certificate signature failure{_where(at)}"
    return ""


def discord_words(tried: Sequence[bytes], proved: Sequence[bytes]) -> str:
    """Why OpenSSL's path does not come to the root that signatures lead to."""
    top = tried[-1] if tried else b""
    if top not in proved:
        return f"our handshake tries one path only, to {_called(top)}, and that one is not trusted"
    if top == proved[-1] and subject_of(top) != issuer_of(top):
        return f"{_called(top)} is no root itself, and OpenSSL wants its issuer's certificate"
    above = top if top == proved[-1] else proved[proved.index(top) + 1]
    why = _why_no_issuer(read(top), read(above), above)
    if above == top:
        return f"{_called(top)} has signed itself, but is not taken for its own issuer: {why}"
    return f"{_called(above)} has signed {_called(top)}, but is not taken for its issuer: {why}"


def _called(der: bytes) -> str:
    return f"the certificate {subject_of(der)}"


def _why_no_issuer(
    below: x509.Certificate | None, above: x509.Certificate | None, der: bytes
) -> str:
    if _is_unreadable(below) or _is_unreadable(above):
        return "one of their extensions is malformed"
    if _is_no_ca(der, 1):
        return "by its basic constraints it is no CA"
    if above is not None and not _may_sign(above):
        return "its key usage does not allow it to sign certificates"
    if below is not None and above is not None and _identifiers_differ(below, above):
        return "their key identifiers differ"
    return "its extensions contradict each other or the other's"


def _is_unreadable(certificate: x509.Certificate | None) -> bool:
    try:
        with quiet():
            return certificate is None or certificate.extensions is None
    except UNREADABLE:
        return True


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return True
    return usage.key_cert_sign


def _identifiers_differ(below: x509.Certificate, above: x509.Certificate) -> bool:
    """RFC 5280 section 4.2.1.1: by key, or by the issuer's own issuer and serial number."""
    try:
        wanted = below.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        serial = wanted.authority_cert_serial_number
        if serial is not None and serial != above.serial_number:
            return True
        own = above.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return False
    return wanted.key_identifier is not None and wanted.key_identifier != own.digest
