"""One attempt: what it knows after each phase, and what it does not send."""

import dataclasses

import pytest
import trio

from stresser.model.chain import ChainClass, ChainRoot
from stresser.model.client_hello import X25519_MLKEM768, HelloFacts, HelloSent
from stresser.model.ending import Kind, Phase
from stresser.model.events import ChainSeen
from stresser.model.faults import SecretWithheld
from stresser.net.tls import TlsProfile, context_for
from stresser.net.trust import ChainJudge
from stresser.net.websocket import UpgradeRequest
from stresser.scenario.secrets import Secret
from stresser.session.attempt import Attempt
from stresser.session.held import HeldSession
from tests.fakes.certificates import SERVER_NAME, authority_file, server_context
from tests.fakes.peers import TlsPeer, tls_server, websocket_server
from tests.fakes.world import in_virtual_time, world


def attempted(program, **changes):
    """The attempt after `establish`, and what stopped it."""

    async def story():
        async with world(program) as made:
            route = dataclasses.replace(made.route(), **changes)
            attempt = Attempt(7, route, made.clock)
            try:
                await attempt.establish(0)
            except (SecretWithheld, trio.BrokenResourceError) as exc:
                return attempt, exc
            return attempt, None

    return in_virtual_time(story)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_what_an_open_session_is_made_of(version):
    attempt, stopped = attempted(websocket_server(server_context(version)))
    assert stopped is None
    assert list(attempt.phases_ns) == ["resolve", "connect", "tls", "upgrade"]
    assert (attempt.local, str(attempt.address)) == ("192.0.2.10:50000", "192.0.2.1:443")
    assert attempt.tls.version == f"TLSv{version}"
    assert (attempt.tls.verified, attempt.tls.problem) == (True, None)
    assert attempt.endpoint_proved
    assert len(attempt.chain) == 1
    assert attempt.websocket is not None


def test_a_tls_attempt_has_no_upgrade():
    attempt, _ = attempted(tls_server(server_context()), request=None)
    assert list(attempt.phases_ns) == ["resolve", "connect", "tls"]
    assert attempt.websocket is None


@pytest.mark.parametrize("hears", [True, False])
def test_what_the_acceptance_says_is_kept_for_who_asks(hears):
    async def story():
        async with world(websocket_server(server_context())) as made:
            attempt = Attempt(7, made.route(), made.clock)
            attempt.hears_answer = hears
            await attempt.establish(0)
            return attempt

    answer = in_virtual_time(story).answer
    assert (answer is not None) is hears
    assert answer is None or answer.status == 101


def secret_request():
    headers = {"Authorization": Secret("BROKER_TOKEN", "hunter2")}
    return UpgradeRequest(host=SERVER_NAME, target="/connect", headers=headers)


def listener(heard):
    async def program(far):
        tls = TlsPeer(far, server_context())
        await tls.handshake()
        heard.append(await tls.read())

    return program


def untrusting():
    return {"judge": ChainJudge(()), "context": context_for(TlsProfile(require=False))}


def test_a_secret_is_not_sent_over_a_chain_that_does_not_verify():
    heard: list[bytes] = []

    async def story():
        async with world(listener(heard)) as made:
            route = dataclasses.replace(
                made.route(), request=secret_request(), withhold_secret=True, **untrusting()
            )
            made.start(route)
            await trio.sleep(60)
            return made.notebook.only_failed()

    event = in_virtual_time(story)
    assert (
        event.ending.kind,
        event.ending.failure,
        event.ending.phase,
    ) == (Kind.CERTIFICATE, "secret_withheld", Phase.TLS)
    assert event.tls is not None
    assert not event.tls.verified
    assert heard == [b""]
    assert "hunter2" not in repr(event)


def test_a_secret_is_sent_over_a_chain_that_verifies_and_where_the_scenario_says_so():
    for changes in ({"withhold_secret": True}, {"withhold_secret": False, **untrusting()}):
        heard: list[bytes] = []

        async def story(heard=heard, changes=changes):
            async with world(listener(heard)) as made:
                made.start(dataclasses.replace(made.route(), request=secret_request(), **changes))
                await trio.sleep(1)

        in_virtual_time(story)
        assert b"Authorization: hunter2\r\n" in heard[0]


def test_a_chain_that_does_not_verify_is_held_and_told():
    attempt, stopped = attempted(websocket_server(server_context()), **untrusting())
    assert stopped is None
    assert (attempt.tls.verified, attempt.endpoint_proved) == (False, False)
    assert attempt.tls.problem


def refusing():
    """A client that requires a chain that verifies, and that trusts nobody who serves here."""
    return {"judge": ChainJudge(()), "context": context_for(TlsProfile(require=True))}


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_chain_that_was_refused_is_told_all_the_same(version):
    async def story():
        async with world(tls_server(server_context(version))) as made:
            made.start(dataclasses.replace(made.route(), **refusing()))
            await trio.sleep(1)
            return made.notebook

    notebook = in_virtual_time(story)
    event = notebook.only_failed()
    assert (event.ending.kind, event.ending.failure) == (Kind.CERTIFICATE, "ssl_unknown_authority")
    [seen] = [event for event in notebook.events if isinstance(event, ChainSeen)]
    assert event.tls is not None
    assert event.tls.chain == seen.chain
    assert event.tls.chain_class is ChainClass.PRIVATE_UNTRUSTED
    assert not event.tls.intercepted


@pytest.fixture
def trusting_host(monkeypatch, tmp_path):
    """This host trusts the authority that serves here, as one trusts an inspection CA."""
    monkeypatch.setenv("SSL_CERT_FILE", authority_file())
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    return {"judge": ChainJudge(()), "context": context_for(TlsProfile(require=False))}


def test_an_intercepted_session_says_so_from_its_opening_on(trusting_host):
    async def story():
        async with world(websocket_server(server_context())) as made:
            route = dataclasses.replace(made.route(), **trusting_host)
            attempt = Attempt(7, route, made.clock)
            await attempt.establish(0)
            held = HeldSession(1, attempt, made.notebook)
            made.start(route)
            await trio.sleep(1)
            return attempt, held, made.notebook

    attempt, held, notebook = in_virtual_time(story)
    assert (attempt.intercepted, held.intercepted) == (True, True)
    assert (attempt.endpoint_proved, held.endpoint_proved) == (False, False)
    [opened] = notebook.opened
    assert opened.tls.intercepted
    assert (opened.tls.chain_class, opened.tls.root) == (
        ChainClass.PRIVATE_TRUSTED,
        ChainRoot.HOST,
    )
    assert opened.tls.verified  # a client here takes it: that is what the root was installed for


def test_the_hello_is_known_once_a_handshake_begins():
    facts = HelloFacts(size=1557, name_at=1539, name_size=18, groups=(X25519_MLKEM768,))
    attempt, _ = attempted(tls_server(server_context()), request=None, hello=facts)
    assert attempt.client_hello == HelloSent(size=1557)  # a transport in memory has no segments
    attempt, _ = attempted(tls_server(server_context()), request=None)
    assert attempt.client_hello is None
