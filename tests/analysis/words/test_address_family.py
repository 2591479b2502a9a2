"""Families of addresses."""

import pytest

from stresser.analysis.words.address_family import family_of

V6, V4 = "[2001:db8::1]:443", "198.41.0.4:443"


@pytest.mark.parametrize(
    ("address", "family"),
    [(V6, "IPv6"), (V4, "IPv4"), ("[fe80::1%eth0]:443", "IPv6"), ("broker:443", None), ("", None)],
)
def test_families(address, family):
    assert family_of(address) == family
