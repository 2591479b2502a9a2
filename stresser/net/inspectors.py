"""Which inspection product a private chain's issuer is named like. Names prove nothing.

Only attribution: whether a chain is an interceptor's is decided by trust (`trust.py`), and a
public or declared chain is never put to this table. Sources stand beside each pattern in
`inspectors.csv`.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

from cryptography import x509
from cryptography.x509.oid import NameOID
from msgspec import Struct

from stresser.net.chain_facts import UNREADABLE, load, name_values, quiet

_MOST_CERTIFICATES = 20
_FIELDS = {
    "cn": NameOID.COMMON_NAME,
    "o": NameOID.ORGANIZATION_NAME,
    "ou": NameOID.ORGANIZATIONAL_UNIT_NAME,
}


class Product(Struct, frozen=True, kw_only=True):
    """What an issuer's name is consistent with."""

    name: str
    """Vendor and product: `Zscaler ZIA`."""
    is_weak: bool
    """The vendor's name alone: others bear it, or have certificates of their own."""


class _Pattern(NamedTuple):
    product: Product
    field: str
    """`cn`, `o`, `ou`, or `any` of them."""
    text: re.Pattern[str]


def product_of(chain: Sequence[bytes]) -> Product | None:
    """The product that the issuers in a chain (DER, leaf first) are named like.

    The leaf's own subject says nothing: interceptors write into it what they like, and a vendor's
    own site has the vendor's name in it. Strong patterns first. Never raises.
    """
    return product_of_names(list(_names(chain)))


def product_of_names(names: Sequence[tuple[str, str]]) -> Product | None:
    """The same for pairs of field (`cn`, `o`, `ou`) and text."""
    trimmed = [(field, " ".join(text.split())) for field, text in names]
    for pattern in _patterns():
        for field, text in trimmed:
            if pattern.field in {field, "any"} and pattern.text.search(text):
                return pattern.product
    return None


def _names(chain: Sequence[bytes]) -> Iterator[tuple[str, str]]:
    for position, der in enumerate(chain[:_MOST_CERTIFICATES]):
        try:
            with quiet():
                certificate = load(der)
                yield from _issuing_names(certificate, is_leaf=position == 0)
        except UNREADABLE:
            continue


def _issuing_names(certificate: x509.Certificate, *, is_leaf: bool) -> Iterator[tuple[str, str]]:
    if not is_leaf:
        yield from _texts(certificate.subject)
    if not is_leaf or certificate.issuer != certificate.subject:
        yield from _texts(certificate.issuer)


def _texts(name: x509.Name) -> Iterator[tuple[str, str]]:
    for field, oid in _FIELDS.items():
        for value in name_values(name, oid):
            yield field, value


@cache
def _patterns() -> tuple[_Pattern, ...]:
    text = resources.files("stresser.net").joinpath("inspectors.csv").read_text("utf-8")
    found = [
        _Pattern(
            Product(
                name=f"{row['vendor']} {row['product']}".strip(), is_weak=row["weak"] == "weak"
            ),
            row["field"],
            re.compile(row["pattern"], re.IGNORECASE),
        )
        for row in csv.DictReader(text.splitlines())
    ]
    return tuple(sorted(found, key=lambda pattern: pattern.product.is_weak))
