"""The lab's certificates: its root, its endpoints' leaves good and bad, its inspection CA.

ECDSA P-256 throughout. All chains but the deliberately bad ones pass OpenSSL's strict checks
(X509_STRICT: key identifiers, critical basicConstraints and keyUsage, RFC 5280 section 4.2).
"""

import ipaddress
import time
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER_NAME: Final = "echo.lab.test"
"""The name of every lab endpoint (RFC 6761: `test` is never in the DNS)."""
INSPECTION_ISSUER: Final = "Lab Inspection CA"

_ROOT_ISSUER: Final = "Lab Root CA"
_OTHER_NAME: Final = "other.lab.test"
_LIFE: Final = timedelta(days=60)  # longer than any run
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


class Identity(NamedTuple):
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def certificate_pem(self) -> bytes:
        """The certificate alone, as a trust anchor file holds it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def pem(self) -> bytes:
        """Key and certificate, as `SSLContext.load_cert_chain` reads them."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return key + self.certificate_pem()


def make_authority(name: str) -> Identity:
    """A self-signed root CA."""
    key = _new_key()
    usage = _usage(signs_certificates=True)
    builder = _builder(name, name, key, _now() - _HOUR, _now() + _LIFE)
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(_authority_key_id(key), critical=False)
    )
    return Identity(builder.sign(key, hashes.SHA256()), key)


def make_lab_root() -> Identity:
    """The root that signs the endpoints' good leaves."""
    return make_authority(_ROOT_ISSUER)


def make_inspection_authority() -> Identity:
    """The root of the middleboxes that end TLS; no endpoint's chain leads to it."""
    return make_authority(INSPECTION_ISSUER)


def make_leaf(root: Identity) -> Identity:
    """The good leaf: for the server name, `localhost` and 127.0.0.1."""
    return issue(root, SERVER_NAME, "localhost", "127.0.0.1")


def make_expired_leaf(root: Identity) -> Identity:
    """Good but for its end, a day ago."""
    now = _now()
    validity = (now - _LIFE, now - _DAY)
    return issue(root, SERVER_NAME, "localhost", "127.0.0.1", validity=validity)


def make_wrong_name_leaf(root: Identity) -> Identity:
    """Good, for a name that no lab endpoint has."""
    return issue(root, _OTHER_NAME)


def make_self_signed_leaf() -> Identity:
    """A server's certificate that vouches for itself."""
    key = _new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SERVER_NAME)])
    return issue(Identity(_placeholder(name, key), key), SERVER_NAME, key=key)


def issue(
    issuer: Identity,
    *names: str,
    key: ec.EllipticCurvePrivateKey | None = None,
    validity: tuple[datetime, datetime] | None = None,
) -> Identity:
    """A TLS server leaf for DNS names and IP addresses; the first is the common name too."""
    leaf_key = key or _new_key()
    start, end = validity or (_now() - _HOUR, _now() + _LIFE - _DAY)
    issuer_name = issuer.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    builder = _builder(names[0], str(issuer_name), leaf_key, start, end)
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_san(name) for name in names]), critical=False)
        .add_extension(_authority_key_id(issuer.key), critical=False)
    )
    return Identity(builder.sign(issuer.key, hashes.SHA256()), leaf_key)


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _now() -> datetime:
    return datetime.fromtimestamp(time.time_ns() // 10**9, UTC)


def _placeholder(name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """`issue` takes an issuer's name from its certificate; a self-signed leaf has none before."""
    now = _now()
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + _HOUR)
    return builder.sign(key, hashes.SHA256())


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(
        issuer_name=_name(issuer),
        subject_name=_name(subject),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=end,
    )
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(key_id, critical=False)


def _name(common_name: str) -> x509.Name:
    longest = 64  # ub-common-name, RFC 5280 appendix A.1
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:longest])])


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _authority_key_id(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
