"""Whom a chain is verified against; sole owner of pyOpenSSL.

The same OpenSSL code that a handshake would use (X509_verify_cert). Nothing is fetched: no AIA, no
OCSP, no CRL.
"""

import csv
import ssl
import sys
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple, TypeAlias

import certifi
from cryptography import x509
from OpenSSL import crypto

from stresser.net.chain_facts import UNREADABLE, quiet, spki_sha256

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, openssl/x509_vfy.h
_TEXT_LIMIT = 256

SELF_SIGNED_LEAF = 18
SELF_SIGNED_ROOT = 19
NO_ISSUER = (2, 20, 21)
"""X509_V_ERR_ numbers (openssl/x509_vfy.h): no way from the chain to a root of the store."""

_REFUSED = (crypto.Error, ValueError, TypeError)
"""What pyOpenSSL raises for what it cannot use. (X509StoreContextError is none of them.)"""

ParsedChain: TypeAlias = list[crypto.X509]
"""Leaf first; made by `parse`."""


class Outcome(NamedTuple):
    """What one verification came to."""

    code: int
    """X509_V_ERR_ number; 0: it verifies."""
    problem: str | None
    """OpenSSL's words, and where above the leaf; None: it verifies."""
    at: bytes | None = None
    """The certificate that was found wrong, DER."""
    root_spki: str | None = None
    """Of a chain that verifies: SHA-256 of its root's SubjectPublicKeyInfo, in hex."""
    is_borrowed: bool = False
    """Of a chain that verifies: besides the root, a certificate that was not served was needed."""
    is_leaf_alone: bool = False
    """Of a chain that verifies: the leaf itself is in the store. (Its key tells nothing: squid
    gives all leaves the key of its CA.)"""


def parse(chain: Sequence[bytes]) -> ParsedChain:
    """The chain as OpenSSL reads it.

    Raises:
        ValueError: a certificate cannot be decoded, or there is none.
    """
    if not chain:
        raise ValueError("the peer served no certificate")
    try:
        return [crypto.load_certificate(crypto.FILETYPE_ASN1, der) for der in chain]
    except _REFUSED as exc:
        raise ValueError(f"a certificate cannot be decoded: {exc}"[:_TEXT_LIMIT]) from exc


class RootStore:
    """Some roots, asked twice: as a client does, and with all dates left aside.

    Raises:
        ValueError: a file holds no certificate.
    """

    def __init__(self, files: Sequence[str], folder: str | None = None) -> None:
        self._strict = _store(files, folder)
        self._timeless = _store(files, folder)
        self._timeless.set_flags(_NO_CHECK_TIME)

    def verify(self, chain: ParsedChain) -> Outcome:
        """As a client does, but for the name."""
        return _outcome(self._strict, chain)

    def leads_from(self, chain: ParsedChain) -> Outcome:
        """Whether the chain leads to one of these roots, be it expired or not yet valid."""
        return _outcome(self._timeless, chain)

    def add(self, der: bytes) -> None:
        """Trust one more root."""
        for store in (self._strict, self._timeless):
            store.add_cert(crypto.load_certificate(crypto.FILETYPE_ASN1, der))


def leads_to(root: bytes, chain: ParsedChain) -> Outcome:
    """Whether all signatures from the leaf up are good, with this one root trusted for once."""
    store = crypto.X509Store()
    store.set_flags(_NO_CHECK_TIME)
    try:
        store.add_cert(crypto.load_certificate(crypto.FILETYPE_ASN1, root))
    except _REFUSED as exc:
        return Outcome(1, f"its root cannot be used: {exc}"[:_TEXT_LIMIT])
    return _outcome(store, chain)


def _store(files: Sequence[str], folder: str | None) -> crypto.X509Store:
    store = crypto.X509Store()
    for path in files:
        try:
            store.load_locations(path)
        except crypto.Error as exc:  # OpenSSL says why in its own numbers, or not at all
            raise ValueError("it holds no certificate in PEM form") from exc
    if folder is not None:
        store.load_locations(None, folder)
    return store


def _outcome(store: crypto.X509Store, chain: ParsedChain) -> Outcome:
    try:
        verified = crypto.X509StoreContext(store, chain[0], chain[1:]).get_verified_chain()
        *below, root = (_der(one) for one in verified)
        is_borrowed = not {_der(one) for one in chain}.issuperset(below)
        return Outcome(
            0, None, root_spki=_spki_of(root), is_borrowed=is_borrowed, is_leaf_alone=not below
        )
    except crypto.X509StoreContextError as exc:
        return _failed(exc)
    except _REFUSED as exc:
        return Outcome(1, f"it cannot be verified: {exc}"[:_TEXT_LIMIT])


def _failed(exc: crypto.X509StoreContextError) -> Outcome:
    code, depth, words = exc.errors
    where = f" (certificate {depth} above the leaf)" if depth else ""
    try:
        at = _der(exc.certificate)
    except _REFUSED:  # what OpenSSL has read it cannot always write
        at = None
    return Outcome(code, f"{words}{where}"[:_TEXT_LIMIT], at)


def _der(certificate: crypto.X509) -> bytes:
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)


def _spki_of(der: bytes) -> str | None:
    try:
        with quiet():
            return spki_sha256(x509.load_der_x509_certificate(der))
    except UNREADABLE:
        return None


@cache
def mozilla_store(file: str | None = None) -> RootStore:
    """Mozilla's roots as certifi carries them, or those of a PEM file in their place."""
    return RootStore((file or certifi.where(),))


@cache
def mozilla_keys(file: str | None = None) -> frozenset[str]:
    """The keys (`spki_sha256`) of Mozilla's roots."""
    with open(file or certifi.where(), "rb") as pem, quiet():  # noqa: PTH123 - certifi gives text
        return frozenset(map(spki_sha256, x509.load_pem_x509_certificates(pem.read())))


@cache
def former_keys() -> frozenset[str]:
    """The keys of roots that Mozilla once carried.

    Systems keep them for years: without this list half a hundred public roots of a Debian 12
    would look like an interceptor's.
    """
    text = resources.files("stresser.net").joinpath("former_roots.csv").read_text("utf-8")
    return frozenset(row["spki_sha256"] for row in csv.DictReader(text.splitlines()))


def host_store() -> RootStore | None:
    """This host's own roots, where OpenSSL can see them; None on macOS (`platform_trust.py`).

    SSL_CERT_FILE and SSL_CERT_DIR are honoured, as by every client on OpenSSL.
    """
    defaults = ssl.get_default_verify_paths()
    if defaults.cafile or defaults.capath:
        return _openssl_store(defaults.cafile, defaults.capath)
    return _windows_store(()) if sys.platform == "win32" else None


def trusted_here(ca_files: tuple[str, ...]) -> RootStore:
    """All that a client on this host trusts for an endpoint: the host's roots and its own `ca`.

    Where a system has no roots that OpenSSL can see, certifi's are the nearest.

    Raises:
        ValueError: a CA file holds no certificate.
    """
    defaults = ssl.get_default_verify_paths()
    if defaults.cafile or defaults.capath:
        file = () if defaults.cafile is None else (defaults.cafile,)
        return RootStore((*file, *ca_files), defaults.capath)
    if sys.platform == "win32":
        return _windows_store(ca_files)
    return RootStore((certifi.where(), *ca_files))


@cache
def _openssl_store(file: str | None, folder: str | None) -> RootStore:
    return RootStore(() if file is None else (file,), folder)


def _windows_store(ca_files: tuple[str, ...]) -> RootStore:
    """What the system has installed; a root that it would fetch on demand is not among them."""
    store = RootStore(ca_files)
    if sys.platform == "win32":
        for der, _, _ in ssl.enum_certificates("ROOT"):
            store.add(der)
    return store
