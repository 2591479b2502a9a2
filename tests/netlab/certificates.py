"""Owns the certificates of a lab: one root that endpoints have, one that inspectors have."""

from pathlib import Path

import trustme

NAME = "ws.netlab.test"
"""The name that all servers go by."""
OTHER_NAME = "another.netlab.test"
"""So do they."""
_MANY = [f"filler-{i:03d}-{'x' * 50}.netlab.test" for i in range(60)]


class Certificates:
    """PEM files in a folder; written once."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root.pem"
        self.chain = folder / "chain.pem"
        self.key = folder / "key.pem"
        self.big_chain = folder / "big.pem"
        """With its key; it fills several packets."""
        self.both = folder / "both.pem"
        """Key and chain in one file, as HAProxy wants them."""
        self.inspector = folder / "inspector.pem"
        """Certificate and key of a root that signs whatever it is asked to."""
        self.inspector_root = folder / "inspector-root.pem"
        """Its certificate alone."""
        self.bundle = folder / "bundle.pem"
        """What a host trusts whose administrator installed the inspector's root."""
        self._write()

    def _write(self) -> None:
        root = trustme.CA(organization_name="Netlab Endpoints")
        inspector = trustme.CA(organization_name="Netlab Inspection", key_type=trustme.KeyType.RSA)
        leaf = root.issue_cert(NAME, OTHER_NAME)
        root.cert_pem.write_to_path(self.root)
        leaf.private_key_pem.write_to_path(self.key)
        leaf.private_key_and_cert_chain_pem.write_to_path(self.both)
        for pem in leaf.cert_chain_pems:
            pem.write_to_path(self.chain, append=True)
        big = root.issue_cert(NAME, *_MANY)
        big.private_key_and_cert_chain_pem.write_to_path(self.big_chain)
        inspector.private_key_pem.write_to_path(self.inspector)
        inspector.cert_pem.write_to_path(self.inspector, append=True)
        inspector.cert_pem.write_to_path(self.inspector_root)
        self.bundle.write_bytes(self.root.read_bytes() + inspector.cert_pem.bytes())
