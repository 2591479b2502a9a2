"""Endpoints: what each way of writing one means, and what a mistake is told as."""

import pytest

from stresser.lab.behaviours import parse_behaviour
from stresser.model.errors import ScenarioError
from stresser.scenario.checkup_endpoints import (
    MOST_NAMED,
    CheckWishes,
    checked_path,
    checked_timeout,
    read_endpoints,
)


def read(*texts, environment=None, **wishes):
    return read_endpoints(texts, CheckWishes(**wishes), environment or {}, parse_behaviour)


@pytest.mark.parametrize(
    ("text", "name", "url", "path"),
    [
        ("broker.example.net", "broker.example.net", "wss://broker.example.net", "/"),
        ("Broker.example.net:8443", "broker.example.net-8443",
         "wss://Broker.example.net:8443", "/"),
        ("https://a.example/x?y=1", "a.example", "wss://a.example/x?y=1", "/x?y=1"),
        ("HTTPS://a.example", "a.example", "wss://a.example", "/"),
        ("wss://a.example/ws", "a.example", "wss://a.example/ws", None),
        ("tls://a.example:8443", "a.example-8443", "tls://a.example:8443", None),
        ("192.0.2.1", "192.0.2.1", "wss://192.0.2.1", "/"),
        ("[2001:db8::1]:8443", "2001-db8--1--8443", "wss://[2001:db8::1]:8443", "/"),
        ("lab+wss://echo", "echo", "lab+wss://echo", None),
        ("bücher.example", "xn--bcher-kva.example", "wss://bücher.example", "/"),
    ],
)  # fmt: skip
def test_endpoints(text, name, url, path):
    found = read(text)
    (endpoint,) = found.scenario.endpoints
    assert (endpoint.name, endpoint.url) == (name, url)
    assert found.paths == ({} if path is None else {name: path})
    assert endpoint.alpn == ([] if url.startswith(("tls", "lab")) else ["http/1.1"])


def test_names_are_told_apart_and_doubles_are_one():
    found = read("a.example", "a.example", "https://a.example/x", "wss://a.example")
    names = [endpoint.name for endpoint in found.scenario.endpoints]
    assert names == ["a.example", "a.example-2", "a.example-3"]
    assert found.paths == {"a.example": "/", "a.example-2": "/x"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "host is missing"),
        ("a/b", "write https://host/path"),
        ("http://a.example", "not known"),
        ("ftp://a.example", "not known"),
        ("a.example:0", "not a port"),
        ("a b", "space"),
        ("\x1b[31m", "control"),
        ("user:pw@a.example", "user"),
        ("wss://a.example/?token=hunter2#x", "fragment"),
        ("lab+wss://nosuch", "knows no behaviour"),
        ("::1", "brackets"),
    ],
)
def test_mistakes_are_one_line_without_secrets(text, said):
    with pytest.raises(ScenarioError) as caught:
        read(text)
    (line,) = caught.value.lines
    assert said in line
    assert "\x1b" not in line
    assert "hunter2" not in line
    assert "user:pw" not in line


def test_all_mistakes_are_told_at_once():
    with pytest.raises(ScenarioError) as caught:
        read("a/b", "good.example", "c d")
    assert len(caught.value.lines) == 2


def test_too_many_endpoints():
    with pytest.raises(ScenarioError, match="too many"):
        read(*(f"h{n}.example" for n in range(MOST_NAMED + 1)))


@pytest.mark.parametrize(
    ("wishes", "environment", "egresses"),
    [
        ({}, {}, [("direct", None)]),
        ({}, {"HTTPS_PROXY": "http://p.example:3128"}, [("environment", "environment")]),
        ({}, {"HTTPS_PROXY": "http://p.example:3128", "NO_PROXY": "example"}, [("direct", None)]),
        ({}, {"auto_proxy": "http://w.example/x"}, [("environment", "environment")]),
        ({}, {"auto_proxy": "http://w.example/x", "no_proxy": "*"}, [("direct", None)]),
        ({"proxies": ["pac:x"]}, {}, [("proxy", "pac:x")]),
        ({"direct": True}, {"HTTPS_PROXY": "http://p.example:3128"}, [("direct", None)]),
        ({"direct": True, "interfaces": ["tun0"], "sources": ["192.0.2.1"]}, {},
         [("direct", None), ("tun0", None), ("192.0.2.1", None)]),
        ({"proxies": ["http://p.example:1"]}, {}, [("proxy", "http://p.example:1")]),
        ({"proxies": ["http://p.example:1", "environment"]}, {},
         [("proxy-1", "http://p.example:1"), ("proxy-2", "environment")]),
    ],
)  # fmt: skip
def test_ways_out(wishes, environment, egresses):
    found = read("a.example", environment=environment, **wishes).scenario
    assert [(egress.name, egress.proxy) for egress in found.egresses] == egresses


@pytest.mark.parametrize("url", ["p.example:1", "http://u:hunter2@p.example:1", "ftp://p:1"])
def test_a_proxy_that_is_none(url):
    with pytest.raises(ScenarioError) as caught:
        read("a.example", proxies=[url])
    assert "hunter2" not in str(caught.value)


def test_options():
    found = read("a.example", ca="root.pem", timeout="2s").scenario
    assert found.endpoints[0].ca == "root.pem"
    assert (found.timeouts.tls.seconds, found.timeouts.resolve.seconds) == (2, 2)


@pytest.mark.parametrize("text", ["0s", "2", "-1s", "x" * 1000])
def test_a_timeout_that_is_none(text):
    with pytest.raises(ScenarioError, match="--timeout"):
        checked_timeout(text)


@pytest.mark.parametrize("text", ["", "x", "/a b", "/\r\nX: y", "/é", "/%zz", "/" + "a" * 4000])
def test_a_path_that_is_none(text):
    with pytest.raises(ScenarioError, match="--get"):
        checked_path(text)


def test_paths():
    assert checked_path("/a/b?c=%20&d") == "/a/b?c=%20&d"
