"""Which scheme a login takes, what is said next, and what is remembered."""

from base64 import b64decode, b64encode

import pytest
import spnego
import trio

from stresser.model.proxy_login import (
    LONGEST_SAID,
    UNNAMED_AUTH,
    LoginFailed,
    LoginTrouble,
    ProxyAuth,
)
from stresser.net.challenges import Challenge
from stresser.net.login_talk import LoginMemory
from stresser.scenario.proxy_url import Proxy, ProxyScheme
from stresser.scenario.secrets import Secret

NEGOTIATE, NTLM, DIGEST, BASIC = ProxyAuth
SIMPLE = Challenge("basic", "", {"realm": "r"})
OTHER = Challenge("bearer")


def nonce(text="n", **more):
    return Challenge("digest", "", {"realm": "r", "nonce": text, "qop": "auth", **more})


def memory(auth, *, login=True):
    user, password = (Secret("U", "ann"), Secret("P", "hunter-2")) if login else (None, None)
    proxy = Proxy(
        scheme=ProxyScheme.HTTP, host="p", port=1, user=user, password=password, auth=auth
    )
    return LoginMemory(proxy)


async def answered(talk, *challenges):
    await talk.hear(challenges)
    return await talk.field()


def trouble_of(known, *rounds):
    """What it comes to in the end; its account."""

    async def story():
        talk = known.talk("h:443")
        await talk.field()
        for challenges in rounds[:-1]:
            await talk.hear(challenges)
        with pytest.raises(LoginFailed) as failed:
            await talk.hear(rounds[-1])
        return talk.told(failed.value)

    return trio.run(story)


@pytest.mark.parametrize(
    ("auth", "offered", "begins"),
    [
        ((DIGEST, BASIC), [SIMPLE, nonce()], "Digest "),
        ((DIGEST, BASIC), [SIMPLE], "Basic "),
        (UNNAMED_AUTH, [SIMPLE, nonce()], "Digest "),
        ((DIGEST, BASIC), [SIMPLE, nonce(algorithm="SHA-512-256")], "Basic "),
        ((BASIC,), [nonce(), SIMPLE], "Basic "),
    ],
)
def test_the_strongest_that_is_offered_and_allowed(auth, offered, begins):
    async def story():
        talk = memory(auth).talk("h:443")
        if auth != (BASIC,):
            assert await talk.field() is None
            return await answered(talk, *offered)
        return await talk.field()

    assert trio.run(story).startswith(begins)


@pytest.mark.parametrize(
    ("known", "rounds", "trouble", "tried"),
    [
        (memory((DIGEST,)), [[SIMPLE]], LoginTrouble.NOT_ALLOWED, None),
        (memory((NTLM,)), [[Challenge("negotiate")]], LoginTrouble.NOT_ALLOWED, None),
        (memory((DIGEST,), login=False), [[SIMPLE]], LoginTrouble.NO_LOGIN, None),
        (memory((DIGEST,), login=False), [[nonce()]], LoginTrouble.NO_LOGIN, DIGEST),
        (memory((BASIC,), login=False), [[SIMPLE]], LoginTrouble.NO_LOGIN, BASIC),
        (memory((BASIC,)), [[SIMPLE]], LoginTrouble.REFUSED, BASIC),
        (memory((DIGEST, BASIC)), [[nonce(), SIMPLE], [nonce("m"), SIMPLE]],
         LoginTrouble.REFUSED, DIGEST),
        (memory((DIGEST, BASIC)), [[nonce()], [SIMPLE]], LoginTrouble.REFUSED, DIGEST),
        (memory((DIGEST, BASIC)), [[OTHER]], LoginTrouble.NOT_SPOKEN, None),
        (memory((DIGEST, BASIC)), [[]], LoginTrouble.NOT_SPOKEN, None),
    ],
)  # fmt: skip
def test_what_does_not_come_about(known, rounds, trouble, tried):
    account = trouble_of(known, *rounds)
    assert (account.trouble, account.tried) == (trouble, tried)


def test_a_stale_nonce_is_answered_by_the_new_one():
    async def story():
        talk = memory((DIGEST,)).talk("h:443")
        assert 'nonce="a"' in await answered(talk, nonce("a"))
        assert 'nonce="b"' in await answered(talk, nonce("b", stale="true"))
        with pytest.raises(LoginFailed):
            await talk.hear([nonce("c")])

    trio.run(story)


def test_what_has_opened_once_goes_out_unasked():
    async def story():
        known = memory((DIGEST,))
        first = known.talk("h:443")
        assert "nc=00000001" in await answered(first, nonce("a"))
        first.opened()
        second = known.talk("h:443")
        field = await second.field()
        assert 'nonce="a"' in field
        assert "nc=00000002" in field
        # A proxy that has forgotten its nonce need not call it stale.
        assert 'nonce="b"' in await answered(second, nonce("b"))
        # One that has changed its mind is answered as if it were met for the first time.
        third = known.talk("h:443")
        await third.field()
        with pytest.raises(LoginFailed) as failed:
            await third.hear([SIMPLE])
        assert failed.value.trouble is LoginTrouble.NOT_ALLOWED

    trio.run(story)


def test_a_new_connection_goes_on_and_not_for_ever():
    async def story():
        talk = memory((DIGEST,)).talk("h:443")
        field = await answered(talk, nonce("a"))
        for _ in range(2):
            await talk.move()
            assert await talk.field() == field
        with pytest.raises(LoginFailed) as failed:
            await talk.move()
        assert failed.value.trouble is LoginTrouble.CUT

    trio.run(story)


def test_what_a_library_says_is_bounded_and_escaped():
    talk = memory((DIGEST,)).talk("h:443")
    failed = LoginFailed(LoginTrouble.FAILED, service="HTTP/p", said="\x1b[2J" + "x" * 5000)
    account = talk.told(failed)
    assert account.service == "HTTP/p"
    assert "\x1b" not in account.said
    assert len(account.said) <= LONGEST_SAID + 4


def test_an_ntlm_login_that_loses_its_connection_begins_anew(tmp_path, monkeypatch):
    (tmp_path / "users").write_text("DOMAIN:ann:hunter-2\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "users"))

    async def story():
        talk = memory((NTLM,)).talk("h:443")
        begin = await answered(talk, Challenge("ntlm"))
        await talk.move()  # it closed with its first 407
        assert message_of(await talk.field()) == message_of(begin) == 1
        challenge = b64encode(spnego.server(protocol="ntlm").step(token_of(begin)) or b"").decode()
        assert message_of(await answered(talk, Challenge("ntlm", challenge))) == 3
        await talk.move()  # in the middle: what was said counts no more
        assert message_of(await talk.field()) == 1
        with pytest.raises(LoginFailed) as failed:
            await talk.move()
        account = talk.told(failed.value)
        assert (account.trouble, account.tried) == (LoginTrouble.CUT, NTLM)

    trio.run(story)


def token_of(field):
    return b64decode(field.partition(" ")[2])


def message_of(field):
    """Which of NTLM's three messages it is (MS-NLMP section 2.2.1)."""
    return token_of(field)[8]
