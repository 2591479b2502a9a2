"""Whose root it is where a handshake does not say, or says nothing: order, and what is missing."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from stresser.model.chain import ChainRoot
from stresser.net.chain_origin import Heard, Owners
from stresser.net.rehearsal import Rehearsal, rehearse
from stresser.net.tls import trusting
from tests.net.certificates import DAY, NOW, Issuer, der

NAME = "a.example.net"
DNS = x509.DNSName(NAME)
PUBLIC, STRANGER = Issuer("Public"), Issuer("Stranger")
REFUSED = Rehearsal(is_accepted=False, code=20, path=())


def identified(name, identifier):
    """A root that names its key."""
    root = Issuer(name)
    builder = root.builder(root.name, root.key, NOW - DAY, NOW + DAY, root)
    ca = x509.BasicConstraints(ca=True, path_length=None)
    builder = builder.add_extension(ca, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier(identifier), critical=False)
    root.certificate = builder.sign(root.key, hashes.SHA256())
    return root


DECLARED = identified("Corp Root", b"one")
RENEWED = identified("Corp Root", b"two")
OF_RENEWED = x509.AuthorityKeyIdentifier(b"two", None, None)


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Whose roots are known, and the handshake of a client that trusts them."""
    (tmp_path / "public.pem").write_bytes(PUBLIC.pem)
    (tmp_path / "corp.pem").write_bytes(DECLARED.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "public.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    files = (str(tmp_path / "corp.pem"),)
    owners = Owners(files, str(tmp_path / "public.pem"))
    client = trusting(files, this_host=True)

    def ask(chain):
        here = rehearse(client, chain, NAME)
        origin = owners.origin(Heard(here, here), chain, NOW, is_trusted=here.is_accepted)
        return origin, owners.proves(here, chain)

    return ask


def test_what_a_handshake_takes_by_a_known_root_is_proved(world):
    origin, is_proved = world((PUBLIC.leaf(DNS),))
    assert (origin.root, is_proved) == (ChainRoot.MOZILLA, True)
    origin, is_proved = world((DECLARED.leaf(DNS),))
    assert (origin.root, is_proved) == (ChainRoot.DECLARED, True)


def test_a_renewed_root_of_the_same_name_is_named_as_that(world):
    leaf = RENEWED.leaf(DNS, extra=[OF_RENEWED])
    origin, is_proved = world((leaf,))
    assert (origin.root, origin.lacks, is_proved) == (ChainRoot.HIDDEN, leaf, False)
    assert origin.why == (
        "the certificate of the issuer CN=Corp Root was not served; the endpoint's own ca has that"
        " name and another key"
    )


def test_certificates_that_sign_each_other_in_a_circle(world):
    one = Issuer("One")
    two = Issuer("Two", one)
    ca = x509.BasicConstraints(ca=True, path_length=None)
    back = one.builder(one.name, one.key, NOW - DAY, NOW + DAY, two)
    back = der(back.add_extension(ca, critical=True).sign(two.key, hashes.SHA256()))
    origin, _ = world((one.leaf(DNS), back, two.der))
    assert origin.root is ChainRoot.NONE
    assert "sign each other in a circle" in origin.why


def test_more_than_is_followed_is_left_open(world):
    many = tuple(Issuer("Same").der for _ in range(40))
    origin, _ = world((Issuer("Same").leaf(DNS), *many))
    assert origin.root is ChainRoot.NONE
    assert "more certificates than are followed here" in origin.why


def test_what_only_the_system_trusts_is_this_hosts(tmp_path, monkeypatch):
    (tmp_path / "public.pem").write_bytes(PUBLIC.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "public.pem"))
    owners = Owners((), str(tmp_path / "public.pem"))
    chain = (STRANGER.leaf(DNS),)
    origin = owners.origin(Heard(REFUSED, REFUSED), chain, NOW, is_trusted=True)
    assert origin.root is ChainRoot.HOST
    assert not owners.has_declared
