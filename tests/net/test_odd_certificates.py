"""Relatives of x509-limbo's features: each odd chain beside a real handshake, and its reason.

The handshake is Python's own under CERT_REQUIRED, with a server that holds the leaf's key.
"""

import datetime as dt
import ipaddress
import ssl
import warnings
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stresser.model.chain import ChainClass, ChainRoot
from stresser.net.trust import ChainJudge
from tests.net.certificates import DAY, NOW, Issuer, der
from tests.net.plain_handshake import shakes_hands
from tests.net.test_limbo import RAW

NAME = "a.example.net"
ROOT, NOBODY = Issuer("Odd Root"), Issuer("Nobody")
SAN = x509.SubjectAlternativeName([x509.DNSName(NAME)])
CA = x509.BasicConstraints(ca=True, path_length=None)
NO_SIGN = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=True,
    encipher_only=False, decipher_only=False,
)  # fmt: skip
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


def raw(oid: str, hex_value: str) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), bytes.fromhex(hex_value))


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def signed(
    issuer: Any, subject: x509.Name, key: Any, extensions: Any, start: dt.datetime = NOW - DAY,
    end: dt.datetime = NOW + DAY,
) -> x509.Certificate:  # fmt: skip
    builder = issuer.builder(subject, key, start, end, issuer)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    made: x509.Certificate = builder.sign(issuer.key, hashes.SHA256())
    return made


def middle(
    name: str, *extensions: Any, issuer: Any = ROOT, constraints: Any = CA, **dates: Any
) -> Any:
    """An intermediate as an issuer."""
    made = Issuer.__new__(Issuer)
    made.name, made.key = named(name), ec.generate_private_key(ec.SECP256R1())
    own = [] if constraints is None else [(constraints, True)]
    made.certificate = signed(issuer, made.name, made.key, [*own, *extensions], **dates)
    return made


def chain(*extensions, above=(), san=SAN, subject="", key=None, issuer=None, **dates):
    """A leaf's key, and its chain as DER."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    owner = issuer or (above[0] if above else ROOT)
    own = [] if san is None else [(san, False)]
    name = named(subject) if subject else x509.Name([])
    leaf = signed(owner, name, key, [*own, *extensions], **dates)
    return key, (der(leaf), *(one.der for one in above))


def constrained(*, permitted=None, excluded=None):
    return [middle("Constrained", (x509.NameConstraints(permitted, excluded), True))]


def aia(*places):
    described = [
        x509.AccessDescription(Access.CA_ISSUERS, x509.UniformResourceIdentifier(place))
        for place in places
    ]
    return x509.AuthorityInformationAccess(described)


SHORT = middle("Short", constraints=x509.BasicConstraints(ca=True, path_length=0))
BELOW = middle("Below", issuer=SHORT)
OLD = {"start": NOW - 9 * DAY, "end": NOW - DAY}
AHEAD = {"start": NOW + DAY, "end": NOW + 9 * DAY}
ELSEWHERE = "the leaf is not for a.example.net"
NOT_TAKEN = "is not taken for its issuer: "
CASES: dict[str, tuple[Any, str | None]] = {
    "no SAN, a CN": (chain(san=None, subject=NAME), None),
    "no SAN, no CN": (chain(san=None), ELSEWHERE),
    "an address alone": (
        chain(san=x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("192.0.2.1"))])),
        ELSEWHERE,
    ),
    "an address of three bytes": (chain((raw("2.5.29.17", "30058703010203"), False), san=None),
                                  ELSEWHERE),
    "a URI alone": (
        chain(san=x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"https://{NAME}")])),
        ELSEWHERE,
    ),
    "an empty SAN": (chain((raw("2.5.29.17", "3000"), False), san=None), ELSEWHERE),
    "a SAN with a NUL": (chain((raw("2.5.29.17", "3010820e612e657800616d706c652e6e6574"), False),
                               san=None), ELSEWHERE),
    "a malformed SAN": (chain((raw("2.5.29.17", "0401ff"), False), san=None),
                        f"{NOT_TAKEN}one of their extensions is malformed"),
    "a malformed AIA": (chain((raw("1.3.6.1.5.5.7.1.1", "30030201"), False)), None),
    "malformed timestamps": (chain((raw("1.3.6.1.4.1.11129.2.4.2", "0102"), False)), None),
    "an empty EKU": (chain((raw("2.5.29.37", "3000"), False)),
                     "the leaf is not for TLS servers (its extended key usage)"),
    "any EKU": (chain((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False)),
                "the leaf is not for TLS servers (its extended key usage)"),
    "for clients": (chain((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)),
                    "the leaf is not for TLS servers (its extended key usage)"),
    "a malformed EKU": (chain((raw("2.5.29.37", "020101"), False)),
                        f"{NOT_TAKEN}one of their extensions is malformed"),
    "an unknown critical extension": (chain((UNKNOWN, True)), "unhandled critical extension"),
    "one of the CA's": (chain(above=[middle("Critical", (UNKNOWN, True))]),
                        "unhandled critical extension (certificate 1 above the leaf)"),
    "names permitted elsewhere": (chain(above=constrained(permitted=[x509.DNSName("other.test")])),
                                  "by a name constraint of one of its CAs"),
    "names excluded": (chain(above=constrained(excluded=[x509.DNSName("example.net")])),
                       "by a name constraint of one of its CAs"),
    "names permitted": (chain(above=constrained(permitted=[x509.DNSName("example.net")])), None),
    "malformed constraints": (chain(above=[middle("Odd", (raw("2.5.29.30", "3002ffff"), True))]),
                              f"{NOT_TAKEN}one of their extensions is malformed"),
    "a path too long": (chain(above=[BELOW, SHORT]),
                        "more CAs stand below one of its CAs than that one allows"),
    "a CA that is none": (chain(above=[middle("None", constraints=None)]),
                          "invalid CA certificate (certificate 1 above the leaf)"),
    "a CA that may not sign": (chain(above=[middle("Mute", (NO_SIGN, True))]),
                               "invalid CA certificate (certificate 1 above the leaf)"),
    "another key identifier": (
        chain((x509.AuthorityKeyIdentifier(b"x" * 20, None, None), False),
              above=[middle("Known", (x509.SubjectKeyIdentifier(b"y" * 20), False))]),
        f"{NOT_TAKEN}their key identifiers differ",
    ),
    "expired": (chain(**OLD), "certificate has expired, valid from"),
    "ahead": (chain(**AHEAD), "certificate is not yet valid, valid from"),
    "a CA that has expired": (chain(above=[middle("Old", **OLD)]),
                              "certificate has expired (certificate 1 above the leaf), valid from"),
    "RSA-1024": (chain(key=rsa.generate_private_key(65537, 1024)),  # noqa: S505 - the point
                 "EE certificate key too weak"),
    "Ed25519": (chain(key=ed25519.Ed25519PrivateKey.generate()), None),
    "for another name": (chain(san=x509.SubjectAlternativeName([x509.DNSName("b.example.net")])),
                         ELSEWHERE),
    "a CA's own certificate": (chain((CA, True)), None),
    "an unknown issuer": (chain(issuer=NOBODY), "issuer CN=Nobody was not served and is not known"),
    "one that can be fetched": (
        chain((aia("ldap:///CN=x", "http://ca.test/n.crt"), False), issuer=NOBODY),
        "it names http://ca.test/n.crt: Windows (Schannel), macOS and Chrome fetch it",
    ),
    "one in a directory": (chain((aia("ldap:///CN=x"), False), issuer=NOBODY),
                           "Windows (Schannel) fetches it from there in its own domain"),
}  # fmt: skip


UNSERVABLE = [CASES["a malformed SAN"][0], CASES["a malformed EKU"][0]]
"""OpenSSL loads them into no server."""


@pytest.fixture(scope="module")
def root_pem(tmp_path_factory):
    path = tmp_path_factory.mktemp("odd") / "root.pem"
    path.write_bytes(ROOT.pem)
    return str(path)


@pytest.fixture(scope="module")
def judge(root_pem):
    return ChainJudge((root_pem,))


def is_taken(key, served, root_pem, folder) -> bool | None:
    """Whether Python's own client takes the chain; None: no server could be made of it."""
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = folder / "server.pem"
    pem.write_text("".join(map(ssl.DER_cert_to_PEM_cert, served)) + secret.decode())
    asking = ssl.create_default_context(cafile=root_pem)
    asking.verify_flags &= ~ssl.VERIFY_X509_STRICT  # stresser's contexts do not set it, either
    return shakes_hands(pem, asking, NAME)


@pytest.mark.parametrize(("made", "reason"), CASES.values(), ids=CASES)
def test_an_odd_chain_is_taken_as_a_handshake_takes_it_and_for_a_true_reason(
    judge, root_pem, tmp_path, made, reason
):
    key, served = made
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verdict = judge.judge(served, NAME)
    accepted = is_taken(key, served, root_pem, tmp_path)
    assert (accepted is None) == (made in UNSERVABLE)
    assert (verdict.problem is None) == bool(accepted) == (reason is None), verdict.problem
    assert not RAW.search(f"{verdict.problem} {verdict.why}")
    assert not verdict.intercepted
    if reason is None:
        assert verdict.chain_class is ChainClass.DECLARED
    else:
        assert reason in verdict.why
    if verdict.root is ChainRoot.DECLARED:
        assert verdict.why.partition(";")[0] != verdict.why or reason is None
        assert "was not served" not in verdict.why
