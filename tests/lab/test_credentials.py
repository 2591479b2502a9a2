import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from OpenSSL import crypto

from tests.lab.lab_child import LabChild, endpoint
from tests.lab.plain_client import PlainClient, client_context

EXPIRED, HOSTNAME_MISMATCH, SELF_SIGNED_LEAF = 10, 62, 18


@pytest.fixture(scope="module")
def lab():
    names = ["echo", "expired", "wrong-name", "self-signed"]
    entries = [
        endpoint(f"{scheme}://{name}", None, version)
        for scheme in ("tls", "wss")
        for name in names
        for version in ("1.2", "1.3")
    ]
    with LabChild({"endpoints": entries}) as child:
        yield child


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("name", ["echo.lab.test", "localhost", "127.0.0.1"])
def test_strict_client_trusts_the_good_leaf(lab, version, name):
    context = client_context(lab.ready["ca_file"])
    with PlainClient(lab.port(f"tls://echo {version}"), context=context, name=name) as client:
        client.handshake()
        assert client.tls.version() == f"TLSv{version}"


@pytest.mark.parametrize("scheme", ["tls", "wss"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("name", "code"),
    [("expired", EXPIRED), ("wrong-name", HOSTNAME_MISMATCH), ("self-signed", SELF_SIGNED_LEAF)],
)
def test_strict_client_refuses_the_bad_leaves(lab, scheme, version, name, code):
    context = client_context(lab.ready["ca_file"])
    with PlainClient(lab.port(f"{scheme}://{name} {version}"), context=context) as client:
        error = client.try_handshake()
    assert isinstance(error, ssl.SSLCertVerificationError)
    assert error.verify_code == code


@pytest.mark.parametrize("name", ["expired", "wrong-name", "self-signed"])
def test_a_client_that_does_not_care_gets_its_echo(lab, name):
    with PlainClient(lab.port(f"tls://{name} 1.3")) as client:
        client.handshake().write(b"hello")
        assert client.read() == b"hello"
    with PlainClient(lab.port(f"wss://{name} 1.3")) as client:
        client.handshake().upgrade().ping()


def test_pyopenssl_agrees_about_the_good_chain(lab):
    root = crypto.load_certificate(crypto.FILETYPE_PEM, Path(lab.ready["ca_file"]).read_bytes())
    with PlainClient(lab.port("tls://echo 1.3")) as client:
        client.handshake()
        der = client.tls.getpeercert(binary_form=True)
    leaf = crypto.X509.from_cryptography(x509.load_der_x509_certificate(der))
    store = crypto.X509Store()
    store.add_cert(root)
    store.set_flags(crypto.X509StoreFlags.X509_STRICT)
    crypto.X509StoreContext(store, leaf).verify_certificate()


def test_the_ca_files_are_private_and_hold_no_key(lab):
    folder = Path(lab.ready["ca_file"]).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in folder.iterdir()} == {"lab-ca.pem", "inspection-ca.pem"}
    assert all(b"PRIVATE" not in path.read_bytes() for path in folder.iterdir())


def test_a_version_that_is_not_offered_is_refused(lab):
    context = client_context(version="1.2")
    with PlainClient(lab.port("tls://echo 1.3"), context=context) as client:
        assert isinstance(client.try_handshake(), ssl.SSLError)


def test_the_lab_listens_on_loopback_alone(lab):
    # The same port of another address is free: nothing is bound to 0.0.0.0.
    with socket.socket() as other:
        other.bind(("127.0.0.2", lab.port("tls://echo 1.3")))
