"""Which library makes which ClientHello, judged by its bytes, and by what a server gets."""

import ssl

import pytest

from stresser.model.client_hello import HelloKind
from stresser.net import hello_bytes
from stresser.net.hello_bytes import (
    HelloNotMadeError,
    client_context,
    hello_facts,
    hello_of,
    read_hello,
)
from stresser.net.newer_tls import NewerContext, newer_context
from stresser.net.tls import TlsProfile, context_for
from tests.net.peers import NAME, run, server_context, tls_pair


def profile(**changes):
    return TlsProfile(require=False, **changes)


@pytest.mark.parametrize("name", [NAME, "a.example", "b" * 60 + ".example.net"])
@pytest.mark.parametrize("kind", HelloKind)
def test_the_kind_that_was_asked_for_and_where_its_name_is(kind, name):
    hello = hello_of(client_context(profile(hello=kind)), name)
    facts = read_hello(hello)
    assert facts.kind is kind
    assert hello[facts.name_at :][: facts.name_size] == name.encode()
    assert hello.count(name.encode()) == 1
    assert facts.size == len(hello) == 5 + int.from_bytes(hello[3:5], "big")
    assert (facts.size > 1460) == (kind is HelloKind.HYBRID)


def test_none_asked_for_is_pythons_own():
    assert client_context(profile()) is context_for(profile())


def test_an_address_is_not_sent():
    facts = hello_facts(client_context(profile(hello=HelloKind.HYBRID)), "192.0.2.1")
    assert (facts.name_at, facts.name_size) == (None, 0)


def test_tls_1_2_has_no_shares():
    assert hello_facts(client_context(profile(version="1.2")), NAME).groups == ()


@pytest.mark.parametrize("kind", HelloKind)
def test_what_is_read_is_what_the_server_gets(kind):
    seen = []
    context = server_context("TLSv1.3")

    def heard(_tls, way, _version, kind, _message, data):
        seen.append((way, kind, len(data)))

    setattr(context, "_msg_callback", heard)  # noqa: B010 - to mypy there is none
    asked = profile(hello=kind)

    async def test():
        async with tls_pair("TLSv1.3", profile=asked, context=context) as (stream, _):
            assert stream.version == "TLSv1.3"

    run(test)
    read = [size for way, kind, size in seen if way == "read" and kind == 22]
    assert read[0] + 5 == hello_facts(client_context(asked), NAME).size


def test_a_kind_that_no_library_makes_is_said_with_what_was_tried(monkeypatch):
    """As where cryptography is built on an old OpenSSL: the other library offers nothing new."""
    old = context_for(profile())
    setattr(old, "version", "OpenSSL 3.0.0")  # noqa: B010 - to mypy there is none
    monkeypatch.setattr(hello_bytes, "newer_context", lambda _profile: old)
    client_context.cache_clear()
    try:
        if ssl.OPENSSL_VERSION_INFO < (3, 5):
            with pytest.raises(HelloNotMadeError, match=r"ML-KEM, and OpenSSL 3\.0\.0, which"):
                client_context(profile(hello=HelloKind.HYBRID))
    finally:
        client_context.cache_clear()


@pytest.mark.parametrize("spoiled", [b"", b"\x16", b"HTTP/1.1 400 Bad Request\r\n", bytes(600)])
def test_what_is_no_hello(spoiled):
    with pytest.raises(ValueError, match="ClientHello"):
        read_hello(spoiled)


def test_a_hello_that_is_cut_is_none():
    whole = hello_of(context_for(profile()), NAME)
    for size in range(len(whole)):
        with pytest.raises(ValueError, match="not one whole ClientHello"):
            read_hello(whole[:size])


def test_the_other_library_is_there():
    assert isinstance(newer_context(profile()), NewerContext)
