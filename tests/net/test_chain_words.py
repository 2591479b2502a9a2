"""What a verdict rests on, said with a peer's own names, cut."""

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from stresser.net.chain_words import (
    hidden_why,
    host_why,
    issuer_of,
    issuer_url,
    namesake_why,
    subject_of,
    validity_of,
)
from tests.net.certificates import DAY, NOW, Issuer, policy, scts

NAME = x509.DNSName("a.example.net")
CA = Issuer("Some CA", organisation="Some Org")


def test_names_and_dates():
    leaf = CA.leaf(NAME)
    assert issuer_of(leaf) == "CN=Some CA, O=Some Org"
    assert subject_of(CA.der) == "CN=Some CA, O=Some Org"
    assert subject_of(leaf) == "without a name"
    since, until = (f"{time:%Y-%m-%d %H:%M}" for time in (NOW - DAY, NOW + DAY))
    assert validity_of(leaf) == f", valid from {since} to {until} UTC"


@pytest.mark.parametrize("der", [None, b"", b"junk"])
def test_what_cannot_be_read(der):
    assert issuer_of(der) == subject_of(der) == "of an unreadable name"
    assert validity_of(der) == ""


def test_long_names_are_cut():
    oid = x509.NameOID.ORGANIZATION_NAME
    long = x509.Name([x509.NameAttribute(oid, "x" * 9000, _validate=False)])
    assert len(subject_of(CA.leaf(NAME, subject=long))) == 100


def test_timestamps_make_a_private_root_doubtful():
    assert "maybe" not in host_why(CA.der, (CA.leaf(NAME),))
    assert "holds 3 SCTs" in host_why(CA.der, (CA.leaf(NAME, extra=[scts(3)]),))


def test_a_private_root_has_its_own_name_and_not_that_of_what_was_served_last():
    why = host_why(CA.der, (CA.leaf(NAME), Issuer("Somebody Else").der))
    assert why.startswith("its root CN=Some CA, O=Some Org is trusted by this host")
    assert host_why(None, (CA.leaf(NAME),)).startswith("its root is trusted by this host")


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ([], "was not served and is not known here, so neither is the root"),
        ([scts(2)], "is incomplete: the certificate of the issuer CN=Some CA, O=Some Org was not"),
        ([policy("2.23.140.1.2.2")], "holds a public validation policy as a public CA's does"),
        ([policy("1.2.3.4")], "so neither is the root"),
    ],
    ids=["bare", "timestamps", "public policy", "own policy"],
)
def test_a_missing_issuer(extra, words):
    leaf = CA.leaf(NAME, extra=extra)
    assert words in hidden_why((leaf,), leaf)


def places(method=AuthorityInformationAccessOID.CA_ISSUERS, where="http://ca.test/ca.der"):
    uri = x509.UniformResourceIdentifier(where)
    return x509.AuthorityInformationAccess([x509.AccessDescription(method, uri)])


def test_where_a_missing_issuer_may_be_fetched_and_by_whom():
    leaf = CA.leaf(NAME, extra=[places()])
    assert issuer_url(leaf) == "http://ca.test/ca.der"
    why = hidden_why((leaf,), leaf)
    assert "it names http://ca.test/ca.der: Windows (Schannel), macOS and Chrome fetch it" in why
    assert "OpenSSL, Go on Linux, Java and Node.js do not" in why


@pytest.mark.parametrize(
    "der",
    [CA.leaf(NAME), CA.leaf(NAME, extra=[places(AuthorityInformationAccessOID.OCSP)]), b"junk"],
    ids=["none", "another method", "junk"],
)
def test_no_place_is_named(der):
    assert issuer_url(der) is None


def test_a_place_is_cut():
    assert len(issuer_url(CA.leaf(NAME, extra=[places(where="http://" + "x" * 9000)])) or "") == 120


def test_a_certificate_of_the_same_name_is_named_as_that():
    leaf = CA.leaf(NAME)
    why = namesake_why(leaf, "the endpoint's own ca", is_readable=True)
    assert why.endswith("was not served; the endpoint's own ca has that name and another key")
    assert namesake_why(leaf, "x", is_readable=False).endswith("a key that cannot be read")
