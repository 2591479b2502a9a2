"""NTLM with pyspnego's own other end, and how tokens for Kerberos are wrapped and errors read."""

import hashlib
from base64 import b64decode, b64encode

import pytest
import spnego
import trio
import trustme
from cryptography import x509
from spnego._spnego import unpack_token
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from stresser.model.proxy_login import LoginFailed, LoginTrouble, ProxyAuth
from stresser.net.challenges import Challenge
from stresser.net.spnego_login import SpnegoLogin, Tickets, in_spnego, server_end_point
from stresser.scenario.proxy_url import Proxy, ProxyScheme
from stresser.scenario.secrets import Secret

USER, PASSWORD = "DOMAIN\\ann", "hunter-2"


def certificate():
    ca = trustme.CA()
    pem = ca.issue_cert("p.test").cert_chain_pems[0].bytes()
    found = x509.load_pem_x509_certificate(pem)
    from cryptography.hazmat.primitives.serialization import Encoding

    return found.public_bytes(Encoding.DER)


def login(password=PASSWORD, shown=None, user=USER):
    proxy = Proxy(
        scheme=ProxyScheme.HTTP,
        host="p.test",
        port=1,
        user=None if user is None else Secret("U", user),
        password=None if user is None else Secret("P", password),
    )
    return SpnegoLogin(ProxyAuth.NTLM, proxy, Tickets(proxy), shown)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Gives the other end, with the channel that it believes itself to be on."""
    (tmp_path / "users").write_text(f"DOMAIN:ann:{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "users"))

    def make(shown=None):
        bindings = None
        if shown is not None:
            end_point = b"tls-server-end-point:" + hashlib.sha256(shown).digest()
            bindings = GssChannelBindings(application_data=end_point)
        return spnego.server(protocol="ntlm", channel_bindings=bindings)

    return make


def shake_hands(ours, theirs):
    async def story():
        said = await ours.first()
        while not theirs.complete:
            name, _, token = said.partition(" ")
            assert name == "NTLM"
            answer = theirs.step(b64decode(token))
            if not theirs.complete:
                said = await ours.go_on([Challenge("ntlm", b64encode(answer).decode())])

    trio.run(story)


def test_a_login_of_three_messages(server):
    theirs = server()
    shake_hands(login(), theirs)
    assert theirs.client_principal == USER


def test_a_wrong_password(server):
    with pytest.raises(SpnegoError):
        shake_hands(login("wrong"), server())


def test_a_login_is_bound_to_the_certificate_that_the_proxy_shows(server):
    own, other = certificate(), certificate()
    shake_hands(login(shown=own), server(own))
    with pytest.raises(SpnegoError):
        shake_hands(login(shown=other), server(own))


def test_the_binding_is_by_the_hash_of_the_certificates_own_signature():
    der = certificate()
    assert server_end_point(der) == b"tls-server-end-point:" + hashlib.sha256(der).digest()


@pytest.mark.parametrize("token", ["", "AAAA", "no base64!", "TlRMTVNTUAACAAAA"])
def test_what_the_proxy_sends_may_be_anything(token):
    async def story():
        ours = login()
        await ours.first()
        if not token:
            assert await ours.go_on([Challenge("ntlm", token)]) is None
            assert await ours.go_on([]) is None
            return
        with pytest.raises(LoginFailed) as failed:
            await ours.go_on([Challenge("ntlm", token)])
        assert failed.value.trouble is LoginTrouble.FAILED
        assert PASSWORD not in (failed.value.said or "")

    trio.run(story)


def test_ntlm_needs_a_password():
    with pytest.raises(LoginFailed) as failed:
        login(user=None)
    assert failed.value.trouble is LoginTrouble.NO_LOGIN


@pytest.mark.parametrize("size", [0, 1, 100, 120, 200, 3000, 70_000])
def test_a_kerberos_token_stands_in_one_of_spnego_that_offers_nothing_else(size):
    token = bytes(size)
    read = unpack_token(in_spnego(token))
    assert read.mech_types == ["1.2.840.113554.1.2.2"]
    assert (read.mech_token or b"") == token
