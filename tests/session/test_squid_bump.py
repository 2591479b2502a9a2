"""A real squid that bumps TLS, reached by CONNECT: its chains, and who is accused."""

import socket

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from stresser.model.chain import ChainClass, ChainRoot
from stresser.model.cohort import Cohort
from stresser.net.dial import Binding
from stresser.net.tap import Tap
from stresser.net.tls import TlsProfile, context_for
from stresser.net.trust import ChainJudge
from stresser.scenario.plan import Activity, ActivityKind, Timeouts
from stresser.session.attempt import Attempt
from stresser.session.chains_seen import ChainsSeen
from stresser.session.route import Route
from stresser.witness.clock import RunClock
from tests.fakes.nginx import nginx
from tests.fakes.squid import bumping_squid
from tests.net.certificates import Issuer, scts

NAME = "broker.example.net"
PUBLIC = Issuer("Public Root", organisation="Public Trust Inc")
MIDDLE = Issuer("Public CA 1", PUBLIC, organisation="Public Trust Inc")
INSPECTION = Issuer("Acme squid proxy CA", organisation="Acme")


def key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    """Of the server itself, and of the squid in the way."""
    leaf, key = MIDDLE.issue(x509.DNSName(NAME), extra=[scts(2)])
    chain = x509.load_der_x509_certificate(leaf).public_bytes(serialization.Encoding.PEM)
    ca = key_pem(INSPECTION.key) + INSPECTION.pem
    server = nginx(tmp_path_factory.mktemp("nginx"), chain + MIDDLE.pem, key_pem(key))
    with server as direct, bumping_squid(ca, NAME) as squid:
        yield direct, squid


def through(proxy, destination):
    """`session.route.Connect` by CONNECT (RFC 9110 section 9.3.6), by hand."""

    async def connect(_address, _binding, clock, hangups):
        sock = socket.create_connection(("127.0.0.1", proxy), 10)
        sock.sendall(
            f"CONNECT {NAME}:{destination} HTTP/1.1\r\nHost: {NAME}:{destination}\r\n\r\n".encode()
        )
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += sock.recv(1)
        assert answer.split()[1] == b"200", answer
        sock.settimeout(0)
        return Tap(sock, clock, hangups)

    return connect


def told(ports, judge, *, bumped):
    direct, squid = ports

    async def main():
        route = Route(
            cohort=Cohort("broker", "vpn" if bumped else "direct", "silent"),
            host="127.0.0.1",
            port=direct,
            binding=Binding(),
            server_name=NAME,
            context=context_for(TlsProfile(require=False)),
            judge=judge,
            request=None,
            activity=Activity(name="silent", kind=ActivityKind.SILENT),
            timeouts=Timeouts(),
            **({"connect": through(squid, direct)} if bumped else {}),
        )
        attempt = Attempt(1, route, RunClock())
        with trio.fail_after(20):
            await attempt.establish(0)
        assert attempt.tap is not None
        attempt.tap.close()
        return attempt, ChainsSeen().news_of(attempt, 1, "now")

    return trio.run(main)


@pytest.fixture
def judge(tmp_path, monkeypatch):
    def make(host_trusts, *declares):
        files = {}
        for name, issuers in (("public", [PUBLIC]), ("host", host_trusts), ("ca", declares)):
            path = tmp_path / f"{name}.pem"
            path.write_bytes(b"".join(issuer.pem for issuer in issuers))
            files[name] = str(path)
        monkeypatch.setenv("SSL_CERT_FILE", files["host"])
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
        ca_files = (files["ca"],) if declares else ()
        return ChainJudge(ca_files, mozilla_file=files["public"])

    return make


def test_directly_the_chain_is_public(ports, judge):
    attempt, seen = told(ports, judge([PUBLIC, INSPECTION]), bumped=False)
    assert (attempt.tls.chain_class, attempt.intercepted) == (ChainClass.PUBLIC, False)
    assert (seen.scts, seen.product) == (2, None)


def test_bumped_and_trusted_here_it_is_intercepted(ports, judge):
    attempt, seen = told(ports, judge([PUBLIC, INSPECTION]), bumped=True)
    assert attempt.tls.chain_class is ChainClass.PRIVATE_TRUSTED
    assert attempt.intercepted
    assert attempt.tls.verified
    assert not attempt.endpoint_proved
    assert seen.scts == 0
    assert seen.names_match
    assert (seen.product, seen.product_is_weak) == (
        "Squid ssl-bump (its CA is named by the customer)",
        True,
    )


def test_bumped_and_trusted_by_nobody_it_is_not_accused(ports, judge):
    attempt, seen = told(ports, judge([PUBLIC]), bumped=True)
    assert attempt.tls.chain_class is ChainClass.PRIVATE_UNTRUSTED
    assert not attempt.intercepted
    assert seen.root in {ChainRoot.OTHER, ChainRoot.HIDDEN}


def test_bumped_with_the_inspection_ca_declared_it_is_the_endpoints_own(ports, judge):
    attempt, seen = told(ports, judge([PUBLIC], INSPECTION), bumped=True)
    assert attempt.tls.chain_class is ChainClass.DECLARED
    assert not attempt.intercepted
    assert seen.product is None
