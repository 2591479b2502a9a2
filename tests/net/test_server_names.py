"""Which leaf is for which server."""

import ipaddress

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from stresser.net.server_names import matches, names_nobody, names_server
from tests.net.certificates import Issuer

ROOT = Issuer("Private Root")
NAME = "echo.lab.test"


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("a.example.net", "a.example.net", True),
        ("A.Example.NET", "a.example.net", True),
        ("a.example.net.", "a.example.net", True),
        ("a.example.net", "a.example.net.", True),
        ("*.example.net", "a.example.net", True),
        ("*.EXAMPLE.net", "a.example.net", True),
        ("*.example.net", "xn--bcher-kva.example.net", True),
        ("*.example.net", "example.net", False),
        ("*.example.net", "a.b.example.net", False),
        ("*.example.net", ".example.net", False),
        ("*.net", "example.net", False),
        ("*", "example", False),
        ("*.", "example.", False),
        ("*.*", "a.b", False),
        ("a*.example.net", "ab.example.net", False),
        ("*a.example.net", "ba.example.net", False),
        ("a.*.net", "a.example.net", False),
        ("*.*.net", "a.example.net", False),
        ("", "", True),
        ("", "a.example.net", False),
        ("b.example.net", "a.example.net", False),
        ("a.example.net\0.evil.test", "a.example.net", False),
    ],
)
def test_the_wildcard_is_the_left_most_label_alone(pattern, name, fits):
    assert matches(pattern, name) == fits


CN = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
ADDRESS = x509.IPAddress(ipaddress.ip_address("::1"))


@pytest.mark.parametrize(
    ("leaf", "fits"),
    [
        (ROOT.leaf(x509.DNSName(NAME)), True),
        (ROOT.leaf(x509.DNSName("other.test")), False),
        (ROOT.leaf(), False),
        (b"junk", None),
        (ROOT.leaf(subject=CN), True),
        (ROOT.leaf(ADDRESS, subject=CN), True),
        (ROOT.leaf(x509.DNSName("other.test"), subject=CN), False),
    ],
    ids=["good", "other name", "no name", "junk", "CN alone", "CN and address", "CN beside a name"],
)
def test_how_a_leaf_fits(leaf, fits):
    assert names_server(leaf, NAME) is fits


def test_a_leaf_without_alternative_names():
    assert names_nobody(ROOT.leaf(subject=CN))
    assert not names_nobody(ROOT.leaf(x509.DNSName(NAME)))
    assert not names_nobody(b"junk")


def test_ten_thousand_names_are_looked_through():
    names = [x509.DNSName(f"n{number}.example.net") for number in range(10_000)]
    leaf = ROOT.leaf(*names, x509.DNSName(NAME), ADDRESS)
    assert names_server(leaf, NAME)
    assert names_server(leaf, "::1")
    assert names_server(leaf, "n.example.net") is False
