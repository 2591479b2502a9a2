"""HTTP Digest, by the examples of RFC 7616 section 3.9.1 and the formulas of RFC 2069."""

import hashlib
import re

import pytest

from stresser.net.challenges import Challenge
from stresser.net.digest_login import DigestNonce, is_stale, strongest
from stresser.scenario.secrets import Secret

USER, PASSWORD = Secret("U", "Mufasa"), Secret("P", "Circle of Life")
RFC_7616 = {
    "realm": "http-auth@example.org",
    "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    "qop": "auth, auth-int",
    "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
}
CLIENT_NONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def challenge(**parameters):
    return Challenge("digest", "", parameters)


def fields(answer):
    return dict(re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|[^ ,"]+)', answer)) | dict(
        re.findall(r"(\w+)=([^ ,\"]+)", answer)
    )


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(monkeypatch, algorithm, response):
    monkeypatch.setattr("secrets.token_hex", lambda _: CLIENT_NONCE)
    nonce = DigestNonce(challenge(algorithm=algorithm, **RFC_7616))
    found = fields(nonce.answer(USER, PASSWORD, "GET", "/dir/index.html"))
    assert found["response"] == response
    assert (found["nc"], found["qop"], found["algorithm"]) == ("00000001", "auth", algorithm)
    assert found["cnonce"] == CLIENT_NONCE
    assert found["opaque"] == RFC_7616["opaque"]


def test_each_answer_counts_and_has_a_nonce_of_its_own():
    nonce = DigestNonce(challenge(**RFC_7616))
    answers = [fields(nonce.answer(USER, PASSWORD, "CONNECT", "h:443")) for _ in range(3)]
    assert [one["nc"] for one in answers] == ["00000001", "00000002", "00000003"]
    assert len({one["cnonce"] for one in answers}) == 3
    assert len({one["response"] for one in answers}) == 3


def md5(text):
    return hashlib.md5(text.encode("latin-1")).hexdigest()  # noqa: S324 - RFC 2069


def test_a_proxy_of_before_qop():
    found = fields(
        DigestNonce(challenge(realm="r", nonce="n")).answer(USER, PASSWORD, "CONNECT", "h:443")
    )
    key, asked = md5("Mufasa:r:Circle of Life"), md5("CONNECT:h:443")
    assert found["response"] == md5(f"{key}:n:{asked}")
    assert "nc" not in found
    assert "qop" not in found


def test_the_session_form_keeps_its_key():
    nonce = DigestNonce(challenge(realm="r", nonce="n", qop="auth", algorithm="MD5-sess"))
    for count in ("00000001", "00000002"):
        found = fields(nonce.answer(USER, PASSWORD, "CONNECT", "h:443"))
        key = md5(f"{md5('Mufasa:r:Circle of Life')}:n:{found['cnonce']}")
        asked = md5("CONNECT:h:443")
        assert found["response"] == md5(f"{key}:n:{count}:{found['cnonce']}:auth:{asked}")


def test_quotes_and_letters_beyond_ascii():
    user, password = Secret("U", 'a"ä'), Secret("P", "gr€n")
    answer = DigestNonce(challenge(realm='r"', nonce="n")).answer(user, password, "CONNECT", "h:1")
    name, word = (text.encode().decode("latin-1") for text in ('a"ä', "gr€n"))
    quoted = name.replace('"', '\\"')
    assert f'username="{quoted}"' in answer
    assert 'realm="r\\""' in answer
    key, asked = md5(f'{name}:r":{word}'), md5("CONNECT:h:1")
    response = md5(f"{key}:n:{asked}")
    assert f'response="{response}"' in answer


MD5, SHA = challenge(nonce="a"), challenge(nonce="b", algorithm="SHA-256", qop="auth")


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([MD5], MD5),
        ([MD5, SHA], SHA),
        ([challenge(nonce="a", algorithm="SHA-512-256"), MD5], MD5),
        ([challenge(nonce="a", algorithm="sha-256")], challenge(nonce="a", algorithm="sha-256")),
        ([challenge(nonce="a", qop="auth-int")], None),
        ([challenge(realm="no nonce")], None),
        ([challenge(nonce="a\r\nX: y")], None),
        ([challenge(nonce="a", realm="\x00")], None),
        ([Challenge("basic")], None),
        ([], None),
    ],
)
def test_the_strongest_that_is_spoken(offered, chosen):
    assert strongest(offered) == chosen


def test_stale():
    assert is_stale(challenge(stale="TRUE"))
    assert not is_stale(challenge(stale="false"))
    assert not is_stale(challenge())
