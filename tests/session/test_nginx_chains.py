"""Chains as a real nginx serves them: whole, incomplete, expired, stapled, to known clients alone.

The public authority is the test's own, put in the place of Mozilla's roots.
"""

import subprocess

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from stresser.model.chain import ChainClass, ChainRoot
from stresser.model.cohort import Cohort
from stresser.net.dial import Binding
from stresser.net.tls import TlsProfile, context_for
from stresser.net.trust import ChainJudge
from stresser.scenario.plan import Activity, ActivityKind, Timeouts
from stresser.session.attempt import Attempt
from stresser.session.chains_seen import ChainsSeen
from stresser.session.route import Route
from stresser.witness.clock import RunClock
from tests.fakes.nginx import nginx
from tests.fakes.tools import tool
from tests.net.certificates import DAY, NOW, Issuer, der, scts

NAME = "broker.example.net"
PUBLIC = Issuer("Public Root", organisation="Public Trust Inc")
MIDDLE = Issuer("Public CA 1", PUBLIC, organisation="Public Trust Inc")
PRIVATE = Issuer("Corp Root")


def pem(der_bytes):
    return x509.load_der_x509_certificate(der_bytes).public_bytes(serialization.Encoding.PEM)


def key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


LOGGED = (scts(2),)


def served_by(issuer, *above, extra=LOGGED, **options):
    """The PEM of a chain and of its key."""
    leaf, key = issuer.issue(x509.DNSName(NAME), extra=extra, **options)
    return b"".join([pem(leaf), *(one.pem for one in above)]), key_pem(key)


@pytest.fixture
def judge(tmp_path, monkeypatch):
    """Knows one public root, one that is declared, and nothing of this host's own."""
    for name, issuer in (("public", PUBLIC), ("corp", PRIVATE), ("host", Issuer("Host"))):
        (tmp_path / f"{name}.pem").write_bytes(issuer.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "host.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    ca_files = (str(tmp_path / "corp.pem"),)
    return ChainJudge(ca_files, mozilla_file=str(tmp_path / "public.pem"))


def told(port, judge, *, alpn=(), version=None):
    """One attempt, and what the book has to tell of its chain."""

    async def main():
        route = Route(
            cohort=Cohort("broker", "direct", "silent"),
            host="127.0.0.1",
            port=port,
            binding=Binding(),
            server_name=NAME,
            context=context_for(TlsProfile(require=False, alpn=alpn, version=version)),
            judge=judge,
            request=None,
            activity=Activity(name="silent", kind=ActivityKind.SILENT),
            timeouts=Timeouts(),
        )
        attempt = Attempt(1, route, RunClock())
        with trio.fail_after(10):
            await attempt.establish(0)
        seen = ChainsSeen().news_of(attempt, 1, "now")
        assert attempt.tap is not None
        attempt.tap.close()
        return attempt.tls, seen

    return trio.run(main)


CASES = {
    "public": (lambda: served_by(MIDDLE, MIDDLE), ChainClass.PUBLIC, ChainRoot.MOZILLA, "Mozilla"),
    "declared": (
        lambda: served_by(PRIVATE, extra=()),
        ChainClass.DECLARED,
        ChainRoot.DECLARED,
        "the endpoint's own ca",
    ),
    "incomplete": (
        lambda: served_by(MIDDLE),
        ChainClass.BROKEN,
        ChainRoot.HIDDEN,
        "the chain is incomplete: the certificate of the issuer CN=Public CA 1",
    ),
    "expired": (
        lambda: served_by(MIDDLE, MIDDLE, start=NOW - 9 * DAY, end=NOW - DAY),
        ChainClass.BROKEN,
        ChainRoot.MOZILLA,
        "certificate has expired, valid from",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_chain_as_it_was_served(tmp_path, judge, case):
    make, chain_class, root, words = case
    chain, key = make()
    with nginx(tmp_path, chain, key) as port:
        tls, seen = told(port, judge)
    assert (tls.chain_class, tls.root, tls.intercepted) == (chain_class, root, False)
    assert words in seen.why
    assert len(seen.certificates) == chain.count(b"BEGIN")
    assert seen.names_match
    assert seen.product is None


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_what_was_agreed_on(tmp_path, judge, version):
    chain, key = served_by(MIDDLE, MIDDLE)
    with nginx(tmp_path, chain, key) as port:
        tls, seen = told(port, judge, alpn=("x-none", "http/1.1"), version=version)
    assert (tls.version, tls.alpn) == (f"TLSv{version}", "http/1.1")
    assert (seen.scts, seen.issuer) == (2, "CN=Public CA 1, O=Public Trust Inc")


def stapled(issuer, chain):
    """An OCSP answer as nginx staples it from a file."""
    leaf = x509.load_pem_x509_certificates(chain)[0]
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=leaf,
        issuer=issuer.certificate,
        algorithm=hashes.SHA1(),  # noqa: S303 - what RFC 5019 has responders use
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=NOW - DAY / 2,
        next_update=NOW + DAY / 2,
        revocation_time=None,
        revocation_reason=None,
    )
    answer = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, issuer.certificate)
    return answer.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_a_staple_is_not_visible_and_never_said_to_be_absent(tmp_path, judge):
    chain, key = served_by(MIDDLE, MIDDLE)
    (tmp_path / "staple.der").write_bytes(stapled(MIDDLE, chain))
    directives = f"ssl_stapling on; ssl_stapling_file {tmp_path}/staple.der;"
    with nginx(tmp_path, chain, key, directives) as port:
        assert "OCSP Response Status: successful" in asked_by_openssl(port)
        tls, seen = told(port, judge)
    assert tls.chain_class is ChainClass.PUBLIC
    assert seen.ocsp_staple is None


def asked_by_openssl(port):
    """What a client that asks for a staple is shown."""
    done = subprocess.run(
        [tool("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME,
         "-status"],
        input="", capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_server_that_wants_a_client_certificate_shows_its_chain_all_the_same(
    tmp_path, judge, version
):
    chain, key = served_by(PRIVATE, extra=())
    (tmp_path / "clients.pem").write_bytes(PRIVATE.pem)
    directives = f"ssl_verify_client on; ssl_client_certificate {tmp_path}/clients.pem;"
    with nginx(tmp_path, chain, key, directives) as port:
        tls, seen = told(port, judge, version=version)
    assert tls.chain_class is ChainClass.DECLARED
    assert seen.verified


def test_the_authority_of_these_tests_is_a_chain():
    assert der(MIDDLE.certificate) == MIDDLE.der
