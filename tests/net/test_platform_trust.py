"""The system's own verifier: asked on macOS alone, and never where it would fetch something."""

import sys

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from stresser.net.platform_trust import asks_platform, platform_problem
from tests.net.certificates import Issuer

NAME = x509.DNSName("a.example.net")
CA = Issuer("CA")


def access(method):
    where = x509.UniformResourceIdentifier("http://ca.example.net/ca.der")
    return x509.AuthorityInformationAccess([x509.AccessDescription(method, where)])


def test_it_is_asked_on_macos_alone():
    assert asks_platform() == (sys.platform == "darwin")


@pytest.mark.parametrize(
    "last",
    [CA.leaf(NAME, extra=[access(AuthorityInformationAccessOID.CA_ISSUERS)]), b"junk"],
    ids=["names its issuer's place", "unreadable"],
)
def test_what_would_be_fetched_is_not_asked(last):
    problem = platform_problem((last,))
    assert problem is not None
    assert "not asked" in problem


@pytest.mark.skipif(sys.platform != "darwin", reason="truststore verifies by itself on macOS alone")
def test_macos_trusts_no_stranger():
    ocsp = access(AuthorityInformationAccessOID.OCSP)
    assert platform_problem((CA.leaf(NAME, extra=[ocsp]), CA.der))
