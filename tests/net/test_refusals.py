"""Why a handshake refuses a chain: the words, and the certificate that they are about."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from stresser.net.refusals import dates_words, discord_words, refusal_words, signature_words
from stresser.net.rehearsal import Rehearsal, rehearse
from stresser.net.tls import trusting
from tests.net.certificates import DAY, NOW, Issuer, der, with_sha1

NAME = "a.example.net"
DNS = x509.DNSName(NAME)
ROOT = Issuer("Root")
OLD_MIDDLE = Issuer("Old Middle", ROOT, start=NOW - 9 * DAY, end=NOW - DAY)
MIDDLE = Issuer("Middle", ROOT)


def issuing(*extensions, key=None):
    """An intermediate with these extensions, as an issuer."""
    middle = Issuer.__new__(Issuer)
    middle.key = key or ec.generate_private_key(ec.SECP256R1())
    middle.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Odd Middle")])
    builder = ROOT.builder(middle.name, middle.key, NOW - DAY, NOW + DAY, ROOT)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    middle.certificate = builder.sign(ROOT.key, hashes.SHA256())
    return middle


WEAK = rsa.generate_private_key(65537, 1024)  # noqa: S505 - the weakness is the point
CA = x509.BasicConstraints(ca=True, path_length=None)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
CLIENTS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
ODD = {
    "no CA": (issuing(x509.BasicConstraints(ca=False, path_length=None)), "invalid CA certificate"),
    "for clients": (issuing(CA, CLIENTS), "an issuer's certificate is not for TLS servers"),
    "unknown extension": (issuing(CA, UNKNOWN), "unhandled critical extension"),
    "RSA-1024": (issuing(CA, key=WEAK), "CA certificate key too weak"),
}  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "root.pem"
    path.write_bytes(ROOT.pem)
    return trusting((str(path),), this_host=False)


@pytest.mark.parametrize(("middle", "words"), ODD.values(), ids=ODD)
def test_an_odd_intermediate_is_the_one_to_blame(client, middle, words):
    answer = rehearse(client, (middle.leaf(DNS), middle.der), NAME)
    assert not answer.is_accepted
    assert refusal_words(answer, NAME, NOW) == f"{words} (certificate 1 above the leaf)"


def test_a_signature_of_a_broken_digest(tmp_path):
    key = rsa.generate_private_key(65537, 2048)
    root = issuing(CA, key=key)
    root.certificate = (
        root.builder(root.name, key, NOW - DAY, NOW + DAY, root)
        .add_extension(CA, critical=True)
        .sign(key, hashes.SHA256())
    )
    (path := tmp_path / "root.pem").write_bytes(root.pem)
    leaf = with_sha1(x509.load_der_x509_certificate(root.leaf(DNS)), key)
    answer = rehearse(trusting((str(path),), this_host=False), (leaf,), NAME)
    assert answer.code == 68
    assert refusal_words(answer, NAME, NOW) == "CA signature digest algorithm too weak"


def test_the_dates_are_those_of_the_certificate_that_is_out_of_date(client):
    leaf = OLD_MIDDLE.leaf(DNS)
    answer = rehearse(client, (leaf, OLD_MIDDLE.der), NAME)
    expired = "certificate has expired (certificate 1 above the leaf)"
    assert refusal_words(answer, NAME, NOW) == expired
    (words,) = dates_words(answer.path, NOW)
    assert words.startswith(f"{expired}, valid from {NOW - 9 * DAY:%Y-%m-%d %H:%M} to ")


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ((ROOT.leaf(x509.DNSName("b.test")),), f"the leaf is not for {NAME}"),
        ((ROOT.leaf(DNS, purpose=ExtendedKeyUsageOID.CLIENT_AUTH),),
         "the leaf is not for TLS servers (its extended key usage)"),
        ((MIDDLE.leaf(DNS),), "unable to get local issuer certificate"),
        ((b"junk",), "a certificate cannot be decoded"),
        ((bytes(200_000),), "it is larger than OpenSSL takes (100 KB)"),
    ],
    ids=["name", "purpose", "issuer", "junk", "large"],
)  # fmt: skip
def test_words(client, chain, words):
    assert refusal_words(rehearse(client, chain, NAME), NAME, NOW) == words


def test_a_kind_of_key_that_nobody_speaks():
    answer = Rehearsal(is_accepted=False, reason="WRONG_CERTIFICATE_TYPE")
    assert refusal_words(answer, NAME, NOW) == "no handshake of ours can use the leaf's kind of key"


def test_a_bad_signature_is_found():
    forger = Issuer("Middle")
    assert signature_words((MIDDLE.leaf(DNS), MIDDLE.der, ROOT.der)) == ""
    assert signature_words((forger.leaf(DNS), MIDDLE.der)) == "certificate signature failure"
    forged = (MIDDLE.leaf(DNS), MIDDLE.der, Issuer("Root").der)
    assert signature_words(forged).endswith("(certificate 1 above the leaf)")


def test_why_a_signer_is_not_taken_for_the_issuer():
    leaf = MIDDLE.leaf(DNS)
    no_sign = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    mute = issuing(CA, no_sign)
    below = mute.leaf(DNS)
    told = discord_words((below,), (below, mute.der, ROOT.der))
    assert "the certificate CN=Odd Middle has signed the certificate" in told
    assert told.endswith("its key usage does not allow it to sign certificates")
    told = discord_words((leaf, MIDDLE.der), (leaf, MIDDLE.der))
    assert told == (
        "the certificate CN=Middle is no root itself, and OpenSSL wants its issuer's certificate"
    )
    told = discord_words((leaf, OLD_MIDDLE.der), (leaf, MIDDLE.der, ROOT.der))
    assert told.startswith("our handshake tries one path only, to the certificate CN=Old Middle")


def test_key_identifiers_that_differ():
    other = x509.AuthorityKeyIdentifier(b"other", None, None)
    own = x509.SubjectKeyIdentifier(b"own")
    middle = issuing(CA, own)
    leaf = middle.leaf(DNS, extra=[other])
    told = discord_words((leaf,), (leaf, der(middle.certificate), ROOT.der))
    assert told.endswith("their key identifiers differ")
