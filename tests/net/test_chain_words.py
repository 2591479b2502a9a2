"""What a verdict rests on, said with a peer's own names, cut."""

import pytest
from cryptography import x509

from stresser.net.chain_words import hidden_why, host_why, issuer_of, subject_of, validity_of
from tests.net.certificates import NOW, Issuer, policy, scts

NAME = x509.DNSName("a.example.net")
CA = Issuer("Some CA", organisation="Some Org")


def test_names_and_dates():
    leaf = CA.leaf(NAME)
    assert issuer_of(leaf) == "CN=Some CA, O=Some Org"
    assert subject_of(CA.der) == "CN=Some CA, O=Some Org"
    assert subject_of(leaf) == "without a name"
    assert f"from {NOW:%Y-%m-}" in validity_of(leaf)
    assert validity_of(leaf).endswith(" UTC")


@pytest.mark.parametrize("der", [None, b"", b"junk"])
def test_what_cannot_be_read(der):
    assert issuer_of(der) == subject_of(der) == "of an unreadable name"
    assert validity_of(der) == ""


def test_long_names_are_cut():
    oid = x509.NameOID.ORGANIZATION_NAME
    long = x509.Name([x509.NameAttribute(oid, "x" * 9000, _validate=False)])
    assert len(subject_of(CA.leaf(NAME, subject=long))) == 100


def test_timestamps_make_a_private_root_doubtful():
    assert "maybe" not in host_why((CA.leaf(NAME),))
    assert "holds 3 SCTs" in host_why((CA.leaf(NAME, extra=[scts(3)]),))


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
