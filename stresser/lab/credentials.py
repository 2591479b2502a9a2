"""The lab's TLS contexts, and the folder that its CA files lie in.

Contexts are shared by all sessions of one kind: one costs 0.85 MB (facts: 22 KiB a session).
"""

import ssl
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from stresser.lab.certificates import (
    SERVER_NAME,
    Identity,
    issue,
    make_expired_leaf,
    make_inspection_authority,
    make_lab_root,
    make_leaf,
    make_self_signed_leaf,
    make_wrong_name_leaf,
)

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_MOST_MINTED: Final = 64  # contexts kept; a client may send any number of names
_LONGEST_NAME: Final = 253


class Credentials:
    """Makes the certificates, in a `folder` that only the caller may read, and the contexts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = make_lab_root()
        self._inspector = make_inspection_authority()
        self._contexts: dict[tuple[str, str | None], ssl.SSLContext] = {}
        self.ca_file = self._write("lab-ca.pem", self._root.certificate_pem())
        self.inspection_ca_file = self._write(
            "inspection-ca.pem", self._inspector.certificate_pem()
        )

    def context(self, behaviour: str, tls_version: str | None = None) -> ssl.SSLContext:
        """The server context of an endpoint with this behaviour; `1.2`, `1.3` or None for both."""
        wanted = (behaviour if behaviour in _SPECIAL else "", tls_version)
        if wanted not in self._contexts:
            leaf = _LEAVES.get(behaviour, make_leaf)(self._root)
            context = self._server_context(leaf, tls_version)
            if behaviour == _NEEDS_CLIENT:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(self.ca_file)
            self._contexts[wanted] = context
        return self._contexts[wanted]

    def inspection_context(self) -> ssl.SSLContext:
        """A server context that signs a leaf for whatever name the client asks for.

        It serves its CA's certificate, too, as most products do.
        """
        authority = self._inspector.certificate_pem()
        minted: OrderedDict[str, ssl.SSLContext] = OrderedDict()
        leaf = issue(self._inspector, SERVER_NAME)
        context = self._server_context(leaf, above=authority)

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            if name is None or not _is_host_name(name):
                return
            connection.name_seen = name  # type: ignore[attr-defined]  # for TlsSession.server_name
            if name == SERVER_NAME:
                return
            if name not in minted:
                new = issue(self._inspector, name, key=leaf.key)
                minted[name] = self._server_context(new, above=authority)
            minted.move_to_end(name)
            while len(minted) > _MOST_MINTED:
                minted.popitem(last=False)
            connection.context = minted[name]

        context.sni_callback = choose
        return context

    def _server_context(
        self, leaf: Identity, tls_version: str | None = None, *, above: bytes = b""
    ) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _VERSIONS.get(tls_version or "", ssl.TLSVersion.TLSv1_2)
        if tls_version is not None:
            context.maximum_version = _VERSIONS[tls_version]
        # ssl reads keys from files only; this one is gone before the listener waits.
        key_file = Path(self._write("leaf.pem", leaf.pem() + above))
        try:
            context.load_cert_chain(key_file)
        finally:
            key_file.unlink()
        return context

    def _write(self, name: str, content: bytes) -> str:
        path = self._folder / name
        path.write_bytes(content)
        return str(path)


def upstream_context() -> ssl.SSLContext:
    """How an inspecting middlebox speaks to the endpoint: as in many a product, unchecked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _is_host_name(name: str) -> bool:
    """Whether the client's text may go into a certificate."""
    labels = name.split(".")
    return len(name) <= _LONGEST_NAME and all(
        label and label.isascii() and label.replace("-", "").replace("_", "").isalnum()
        for label in labels
    )


_NEEDS_CLIENT: Final = "needs-client-cert"
_LEAVES: Final[dict[str, Callable[[Identity], Identity]]] = {
    "expired": make_expired_leaf,
    "wrong-name": make_wrong_name_leaf,
    "self-signed": lambda _: make_self_signed_leaf(),
}
_SPECIAL: Final = frozenset(_LEAVES) | {_NEEDS_CLIENT, "reflect"}
