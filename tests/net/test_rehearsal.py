"""A handshake without its peer: the answer, OpenSSL's number and the path that it tried."""

import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from stresser.net.rehearsal import rehearse
from stresser.net.tls import trusting
from tests.net.certificates import DAY, NOW, Issuer, der

NAME = "a.example.net"
ROOT = Issuer("Root")
MIDDLE = Issuer("Middle", ROOT)
DNS = x509.DNSName(NAME)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "root.pem"
    path.write_bytes(ROOT.pem)
    return trusting((str(path),), this_host=False)


def of_key(key):
    builder = ROOT.builder(x509.Name([]), key, NOW - DAY, NOW + DAY, ROOT)
    san = x509.SubjectAlternativeName([DNS])
    return der(builder.add_extension(san, critical=False).sign(ROOT.key, hashes.SHA256()))


KEYS = {
    "P-256": (ec.generate_private_key(ec.SECP256R1()), None),
    "P-384": (ec.generate_private_key(ec.SECP384R1()), None),
    "Ed25519": (ed25519.Ed25519PrivateKey.generate(), None),
    "RSA-2048": (rsa.generate_private_key(65537, 2048), None),
    "RSA-1024": (rsa.generate_private_key(65537, 1024), 66),  # noqa: S505 - the weakness is the point
    "P-192": (ec.generate_private_key(ec.SECP192R1()), 66),
}


@pytest.mark.parametrize(("key", "code"), KEYS.values(), ids=KEYS)
def test_keys_of_every_kind(client, key, code):
    answer = rehearse(client, (of_key(key),), NAME)
    assert (answer.is_accepted, answer.code) == (code is None, code)


@pytest.mark.slow
def test_a_key_that_no_suite_uses(client):
    answer = rehearse(client, (of_key(dsa.generate_private_key(2048)),), NAME)
    assert (answer.is_accepted, answer.code) == (False, None)
    assert answer.reason == "WRONG_CERTIFICATE_TYPE"


@pytest.mark.parametrize(
    ("chain", "name", "code"),
    [
        ((MIDDLE.leaf(DNS), MIDDLE.der), NAME, None),
        ((MIDDLE.leaf(DNS),), NAME, 20),
        ((MIDDLE.leaf(DNS), MIDDLE.der), "b.example.net", 62),
        ((ROOT.leaf(DNS),), "127.0.0.1", 64),
        ((ROOT.leaf(DNS, start=NOW - 2 * DAY, end=NOW - DAY),), NAME, 10),
        ((ROOT.leaf(DNS, purpose=ExtendedKeyUsageOID.CLIENT_AUTH),), NAME, 26),
        ((Issuer("x").der,), NAME, 18),
    ],
    ids=["good", "incomplete", "other name", "an address", "expired", "for clients", "lone leaf"],
)
def test_numbers(client, chain, name, code):
    answer = rehearse(client, chain, name)
    assert (answer.is_accepted, answer.code) == (code is None, code)
    assert (answer.reason == "") == answer.is_accepted
    assert answer.path[0] == chain[0]


def test_the_path_ends_at_the_root_where_there_is_one(client):
    chain = (MIDDLE.leaf(DNS), MIDDLE.der)
    assert rehearse(client, chain, NAME).path == (*chain, ROOT.der)


@pytest.mark.parametrize(
    "chain", [(b"",), (b"junk",), (), (ROOT.leaf(DNS), b"junk"), (bytes(200_000),)], ids=range(5)
)
def test_what_cannot_be_read_is_refused(client, chain):
    answer = rehearse(client, chain, NAME)
    assert not answer.is_accepted
    assert answer.code is None


def test_a_large_chain_goes_in_several_records(client):
    names = [x509.DNSName(f"n{number:05d}.example.net") for number in range(3000)]
    leaf = ROOT.leaf(DNS, *names)
    assert len(leaf) > 3 * (1 << 14)
    assert rehearse(client, (leaf,), NAME).is_accepted


def test_the_context_is_as_it_was(client):
    rehearse(client, (ROOT.leaf(DNS),), NAME)
    assert client.verify_mode is ssl.CERT_REQUIRED
    assert client.check_hostname
