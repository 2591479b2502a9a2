"""Which leaf is for which server."""

import ipaddress

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stresser.net.server_names import leaf_fit, matches
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


@pytest.mark.parametrize(
    ("leaf", "problem", "names_match"),
    [
        (ROOT.leaf(x509.DNSName(NAME)), None, True),
        (ROOT.leaf(x509.DNSName("other.test")), f"the leaf is not for {NAME}", False),
        (ROOT.leaf(), "the leaf's names cannot be read", False),
        (b"junk", "the leaf's names cannot be read", None),
        (
            ROOT.leaf(x509.DNSName(NAME), purpose=ExtendedKeyUsageOID.CLIENT_AUTH),
            "the leaf is not for TLS servers",
            True,
        ),
        (
            ROOT.leaf(subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])),
            "the leaf's names cannot be read",
            False,
        ),
    ],
    ids=["good", "other name", "no name", "junk", "for clients", "common name alone"],
)
def test_how_a_leaf_fits(leaf, problem, names_match):
    fit = leaf_fit(leaf, NAME)
    assert fit.names_match == names_match
    assert (fit.problem is None) == (problem is None)
    assert problem is None or str(fit.problem).startswith(problem)


def test_ten_thousand_names_are_looked_through():
    names = [x509.DNSName(f"n{number}.example.net") for number in range(10_000)]
    leaf = ROOT.leaf(*names, x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address("::1")))
    assert leaf_fit(leaf, NAME).problem is None
    assert leaf_fit(leaf, "::1").problem is None
    assert leaf_fit(leaf, "n.example.net").names_match is False
