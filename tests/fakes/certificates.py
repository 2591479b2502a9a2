"""An authority of the tests' own: server contexts that it signs, a client that trusts it."""

import ssl
import tempfile
from functools import cache
from pathlib import Path

import trustme

from stresser.net.tls import TlsProfile, context_for
from stresser.net.trust import ChainJudge

SERVER_NAME = "broker.example.net"


@cache
def authority() -> trustme.CA:
    return trustme.CA()


@cache
def authority_file() -> str:
    folder = tempfile.TemporaryDirectory(prefix="stresser-test-ca-")
    _KEPT.append(folder)
    path = Path(folder.name) / "ca.pem"
    authority().cert_pem.write_to_path(str(path))
    return str(path)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""Removed when the process ends."""


@cache
def server_context(version: str | None = None, *, wants_client: bool = False) -> ssl.SSLContext:
    """A server's context; `wants_client`: without a client certificate it ends with an alert."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    if version is not None:
        only = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
        context.minimum_version = context.maximum_version = only
    authority().issue_cert(SERVER_NAME, "127.0.0.1").configure_cert(context)
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
        authority().configure_trust(context)
    return context


@cache
def client_context(version: str | None = None) -> ssl.SSLContext:
    return context_for(TlsProfile(require=False, ca_files=(authority_file(),), version=version))


@cache
def judge() -> ChainJudge:
    return ChainJudge((authority_file(),))
