"""Roots by owner: Mozilla's, an endpoint's own, this host's. Found by name, read without belief.

What verifies is `rehearsal.py`'s question; whose root it is, `lineage.py`'s. Nothing is fetched.
"""

import csv
import re
import ssl
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from importlib import resources
from pathlib import Path

import certifi
from cryptography import x509

from stresser.net.chain_facts import UNREADABLE, load, quiet, spki_sha256

_LABEL = rb"(?:X509 |TRUSTED )?CERTIFICATE-----"
_PEM = re.compile(rb"-----BEGIN " + _LABEL + rb".+?-----END " + _LABEL, re.DOTALL)
_PLAIN = "-----BEGIN CERTIFICATE-----"
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")
"""How OpenSSL finds a root in a folder (openssl-rehash(1))."""
_MOST_FILES = 5000


class Roots:
    """Certificates that one owner trusts. What cannot be read among them is left out."""

    def __init__(self, certificates: Iterable[bytes]) -> None:
        self._ders = frozenset(certificates)

    def __contains__(self, der: bytes) -> bool:
        """Whether exactly this certificate is one of them."""
        return der in self._ders

    def __len__(self) -> int:
        """How many they are."""
        return len(self._ders)

    def named(self, name: x509.Name) -> Sequence[bytes]:
        """Those whose subject is this name."""
        return self._by_name.get(name, ())

    @cached_property
    def keys(self) -> frozenset[str]:
        """Their keys, as `spki_sha256` gives them."""
        found = set()
        for der in self._ders:
            try:
                with quiet():
                    found.add(spki_sha256(x509.load_der_x509_certificate(der)))
            except UNREADABLE:
                continue
        return frozenset(found)

    @cached_property
    def _by_name(self) -> dict[x509.Name, list[bytes]]:
        found: dict[x509.Name, list[bytes]] = defaultdict(list)
        for der in sorted(self._ders):
            try:
                with quiet():
                    found[x509.load_der_x509_certificate(der).subject].append(der)
            except UNREADABLE:
                continue
        return found


def declared_roots(files: Sequence[str]) -> Roots:
    """The endpoint's own.

    Raises:
        ValueError: a file holds no certificate, or cannot be read.
    """
    found: list[bytes] = []
    for path in files:
        try:
            there = list(_certificates(Path(path).read_bytes()))
        except OSError as exc:
            raise ValueError("it cannot be read as a PEM file") from exc
        if not there:
            raise ValueError("it holds no certificate in PEM form")
        found += there
    return Roots(found)


@cache
def mozilla_roots(file: str | None = None) -> Roots:
    """Mozilla's as certifi carries them, or those of a PEM file in their place."""
    return Roots(_certificates(Path(file or certifi.where()).read_bytes()))


@cache
def former_keys() -> frozenset[str]:
    """The keys of roots that Mozilla once carried.

    Systems keep them for years: without this list half a hundred public roots of a Debian 12
    would look like an interceptor's.
    """
    text = resources.files("stresser.net").joinpath("former_roots.csv").read_text("utf-8")
    return frozenset(row["spki_sha256"] for row in csv.DictReader(text.splitlines()))


def host_roots() -> Roots | None:
    """This host's own, where OpenSSL can see them; None on macOS (`platform_trust.py`).

    SSL_CERT_FILE and SSL_CERT_DIR are honoured, as by every client on OpenSSL.
    """
    defaults = ssl.get_default_verify_paths()
    if defaults.cafile or defaults.capath:
        return _openssl_roots(defaults.cafile, defaults.capath)
    if sys.platform == "win32":
        return Roots(der for der, _, _ in ssl.enum_certificates("ROOT"))
    return None


@cache
def _openssl_roots(file: str | None, folder: str | None) -> Roots:
    files = [] if file is None else [Path(file)]
    if folder is not None and Path(folder).is_dir():
        hashed = (path for path in Path(folder).iterdir() if _HASHED.fullmatch(path.name))
        files += sorted(hashed)[:_MOST_FILES]
    return Roots(der for path in files for der in _certificates(_content(path)))


def _content(path: Path) -> bytes:
    """As OpenSSL does, a root that cannot be read is passed over."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _certificates(pem: bytes) -> Iterator[bytes]:
    for block in _PEM.findall(pem):
        try:
            der = ssl.PEM_cert_to_DER_cert(_plain(block))
            with quiet():
                load(der)
        except UNREADABLE:
            continue
        yield der


def _plain(block: bytes) -> str:
    """A trusted certificate is one with OpenSSL's own words behind it; most have none."""
    text = block.decode("ascii", "replace")
    if text.startswith(_PLAIN):
        return text
    return re.sub(r"(BEGIN|END) (X509|TRUSTED) ", r"\1 ", text)
