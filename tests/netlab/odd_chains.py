"""Owns chains that an endpoint serves by mistake, with their keys: PEM files in a lab's folder."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from tests.net.certificates import DAY, NOW, Issuer
from tests.netlab.certificates import NAME

PLACE = "http://ca.netlab.test/middle.crt"
_SAN = x509.DNSName(NAME)
_AIA = x509.AuthorityInformationAccess(
    [
        x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(PLACE)
        )
    ]
)


class OddChains:
    """One root, and what may be served below it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = Issuer("Netlab Own Root")
        self.root = folder / "own-root.pem"
        self.root.write_bytes(self._root.pem)

    def expired_cross_sign_first(self) -> Path:
        """The intermediate, signed by an old CA and expired, stands before the good one."""
        good, old = Issuer("Netlab Middle", self._root), Issuer("Netlab Old Root")
        builder = good.builder(good.name, good.key, NOW - 9 * DAY, NOW - DAY, old)
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        cross = Issuer.__new__(Issuer)
        cross.certificate = builder.add_extension(constraints, critical=True).sign(
            old.key, good.certificate.signature_hash_algorithm
        )
        return self._write("crossed", good, cross.pem + good.pem)

    def without_its_intermediate(self) -> Path:
        """It says where it may be fetched."""
        return self._write("lone", Issuer("Netlab Middle", self._root), b"", _AIA)

    def _write(
        self, name: str, issuer: Issuer, above: bytes, *extensions: x509.ExtensionType
    ) -> Path:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
        leaf, key = issuer.issue(_SAN, extra=extensions, subject=subject)
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        pem = x509.load_der_x509_certificate(leaf).public_bytes(serialization.Encoding.PEM)
        file = self._folder / f"{name}.pem"
        file.write_bytes(secret + pem + above)
        return file
