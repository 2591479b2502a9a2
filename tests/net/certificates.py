"""Certificates as a test wants them: good, bad, and with names of any size."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.x509.oid import ExtensionOID, NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


class Issuer:
    """A certificate with its key, which may sign others."""

    def __init__(self, name, issuer=None, *, organisation=None, start=NOW - DAY, end=NOW + DAY):
        self.key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        if organisation is not None:
            attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
        self.name = x509.Name(attributes)
        ca = x509.BasicConstraints(ca=True, path_length=None)
        builder = self.builder(self.name, self.key, start, end, issuer or self)
        builder = builder.add_extension(ca, critical=True)
        self.certificate = builder.sign((issuer or self).key, hashes.SHA256())

    def builder(self, subject, key, start, end, issuer):
        return x509.CertificateBuilder(
            issuer_name=issuer.name,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=start,
            not_valid_after=end,
        )

    @property
    def der(self):
        return der(self.certificate)

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def leaf(self, *names, **options):
        """A leaf as DER; names are general names."""
        return self.issue(*names, **options)[0]

    def issue(self, *names, start=NOW - DAY, end=NOW + DAY, purpose=None, extra=(), subject=None):
        """A leaf as DER, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self.builder(subject or x509.Name([]), key, start, end, self)
        if names:
            san = x509.SubjectAlternativeName(names)
            builder = builder.add_extension(san, critical=False)
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        for extension in extra:
            builder = builder.add_extension(extension, critical=False)
        return der(builder.sign(self.key, hashes.SHA256())), key


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def scts(count):
    """An extension that holds timestamps as public CAs embed them, signed by nobody."""
    one = bytes(1 + 32) + (1_700_000_000_000).to_bytes(8, "big") + b"\0\0\4\3\0\4sign"
    listed = b"".join(len(one).to_bytes(2, "big") + one for _ in range(count))
    value = len(listed).to_bytes(2, "big") + listed
    assert len(value) < 256
    octets = b"\x04" + (b"\x81" if len(value) > 127 else b"") + bytes([len(value)]) + value
    return x509.UnrecognizedExtension(ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS, octets)


def policy(dotted):
    """A certificate policy that a leaf claims."""
    identifier = x509.ObjectIdentifier(dotted)
    return x509.CertificatePolicies([x509.PolicyInformation(identifier, None)])


_SHA256_WITH_RSA, _SHA1_WITH_RSA = (bytes.fromhex(f"06092a864886f70d0101{n}") for n in ("0b", "05"))
"""RFC 8017 appendix A.2.4: of one length, so that one can stand in for the other."""


def with_sha1(certificate, key):
    """A certificate that an RSA key has signed, signed anew as nobody should any more: DER."""
    signed, old = der(certificate), certificate.tbs_certificate_bytes
    new = old.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
    signature = key.sign(new, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - the weakness is the point
    signed = signed.replace(old, new).replace(certificate.signature, signature)
    return signed.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
