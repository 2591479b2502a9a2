"""`stresser check` and `run` through a proxy that wants Kerberos: one clear line, and no secret."""

import os
from functools import partial

import pytest

from tests.cli.in_process import stresser_says
from tests.fakes.daemons import free_ports, kerberos_login, squid
from tests.fakes.kerberos import realm
from tests.fakes.tools import missing

pytestmark = pytest.mark.slow

USER, PASSWORD = "ann", "a-distinct-word"
SCENARIO = """
name = "tickets"
duration = "1s"
[sessions]
count = 2
reconnect = false
[[endpoints]]
name = "echo"
url = "lab+wss://echo"
[[egresses]]
name = "cache"
proxy = "http://localhost:{port}"
[[egresses]]
name = "word"
proxy = "http://localhost:{port}"
proxy_user = "env:A_USER"
proxy_password = "env:A_WORD"
[[egresses]]
name = "alias"
proxy = "http://127.0.0.1:{port}"
"""


@pytest.fixture(scope="module")
def kdc():
    try:
        import gssapi  # noqa: F401 - is it there?
    except ImportError:
        missing("gssapi is not installed (the extra stresser[kerberos])")
    (port,) = free_ports(1)
    with realm(port, {USER: PASSWORD}) as made:
        yield made


@pytest.fixture(scope="module")
def proxy(kdc):
    with squid(partial(kerberos_login, kdc)) as ports:
        yield ports.http


def test_check_says_what_is_missing_and_is_well_once_it_is_there(kdc, proxy, tmp_path):
    (tmp_path / "tickets.toml").write_text(SCENARIO.format(port=proxy))
    here = kdc.environment | {"A_USER": USER, "A_WORD": PASSWORD}
    before = stresser_says("check", str(tmp_path / "tickets.toml"), **here)
    kdc.log_in(USER, PASSWORD)
    after = stresser_says("check", str(tmp_path / "tickets.toml"), **here)

    words = " ".join(before.out.decode().split())
    assert "there is no ticket for HTTP/localhost" in words
    assert "Log in with kinit" in words
    assert "echo / word: WebSocket open" in words
    words = " ".join(after.out.decode().split())
    assert "echo / cache: WebSocket open" in words
    assert "the KDC knows no service HTTP/127.0.0.1" in words
    assert "Write the proxy's full name in proxy" in words
    for said in (before, after):
        assert PASSWORD not in said.out.decode() + said.err


def test_a_run_with_tickets_leaves_no_secret_anywhere(start, kdc, proxy):
    kdc.log_in(USER, PASSWORD)
    run = start(
        SCENARIO.format(port=proxy), **kdc.environment, A_USER=USER, A_WORD=PASSWORD
    )  # fmt: skip
    command = run.process.args
    _, out, err = run.finish()

    events = run.events()
    opened = [event["egress"] for event in events if event["event"] == "session_opened"]
    assert sorted(opened) == ["cache", "cache", "word", "word"]
    failed = [event for event in events if event["event"] == "attempt_failed"]
    assert {(e["egress"], e["evidence"]["login"]["trouble"]) for e in failed} == {
        ("alias", "service_unknown")
    }
    assert all(e["evidence"]["login"]["service"] == "HTTP/127.0.0.1" for e in failed)
    files = [path.read_bytes() for path in run.results.rglob("*") if path.is_file()]
    everything = b"\0".join([*files, out.encode(), err.encode(), os.fsencode(str(command))])
    for secret in (PASSWORD, "Negotiate YI"):
        assert secret.encode() not in everything
