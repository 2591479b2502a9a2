"""`stresser run` through real proxies, from the scenario file to the summary."""

import hashlib
from base64 import b64encode

import pytest

from stresser.analysis.summary.summary import summarise
from stresser.record.reader import open_run
from tests.fakes.certificates import authority_file
from tests.fakes.daemons import PASSWORD, REALM, USER, digest_login, squid

pytestmark = pytest.mark.slow


SCENARIO = """
name = "proxies"
duration = "2s"
[sessions]
count = 2
reconnect = false
[activity]
every = "300ms"
timeout = "2s"
[[endpoints]]
name = "echo"
url = "lab+wss://echo"
[[egresses]]
name = "direct"
[[egresses]]
name = "plain"
proxy = "http://127.0.0.1:{http}"
proxy_user = "env:SQUID_USER"
proxy_password = "env:SQUID_PASSWORD"
proxy_auth = ["digest", "basic"]
[[egresses]]
name = "tls"
proxy = "https://127.0.0.1:{https}"
proxy_user = "env:SQUID_USER"
proxy_password = "env:SQUID_PASSWORD"
proxy_auth = ["basic"]
proxy_ca = "{roots}"
source = "127.0.0.1"
[[egresses]]
name = "stranger"
proxy = "http://127.0.0.1:{http}"
[thresholds]
"drops" = "= 0"
"failure_ratio{{egress=plain}}" = "= 0"
"proxy_tunnel.max{{egress=plain}}" = "< 5s"
"proxy.max{{egress=tls}}" = "< 5s"
"proxy_tls.max{{egress=tls}}" = "< 5s"
"""


@pytest.fixture
def ports():
    with squid() as listening:
        yield listening


def test_a_whole_run_through_squid(start, ports):
    text = SCENARIO.format(http=ports.http, https=ports.https, roots=authority_file())
    run = start(text, SQUID_USER=USER, SQUID_PASSWORD=PASSWORD)

    code, _, err = run.finish()

    assert code == 3, err  # the stranger is refused: fewer sessions than asked
    events = run.events()
    opened = [event for event in events if event["event"] == "session_opened"]
    assert sorted(event["egress"] for event in opened) == sorted(["direct", "plain", "tls"] * 2)
    steps = {event["egress"]: [*event["phases_ns"]][1:-2] for event in opened}
    assert steps == {
        "direct": ["connect"],
        "plain": ["proxy_connect", "proxy_tunnel"],
        "tls": ["proxy_connect", "proxy_tls", "proxy_tunnel"],
    }
    assert {event.get("proxy") for event in opened} == {
        None,
        f"http://127.0.0.1:{ports.http}",
        f"https://127.0.0.1:{ports.https}",
    }
    ended = [event for event in events if event["event"] == "session_ended"]
    assert [event["kind"] for event in ended] == ["planned"] * 6
    assert all(event["pings"] == event["pongs"] >= 3 for event in ended)

    failed = [event for event in events if event["event"] == "attempt_failed"]
    assert len(failed) == 2
    for event in failed:
        assert (event["egress"], event["kind"], event["status"]) == ("stranger", "proxy_error", 407)
        assert event["initiator"] == "middlebox"
        assert event["evidence"]["headers"]["proxy-authenticate"].startswith("Basic")
    assert "refused by the proxy with HTTP 407" in " ".join(run.shown("--full").split())
    summary = summarise(open_run(run.folder))
    assert any("proxy_http_407" in finding for finding in summary.findings)


def test_credentials_of_a_proxy_reach_no_file_and_no_screen(start, ports):
    text = SCENARIO.format(http=ports.http, https=ports.https, roots=authority_file())
    run = start(text, SQUID_USER="a-distinct-user", SQUID_PASSWORD="a-distinct-word")  # noqa: S106 - made up

    _, out, err = run.finish()

    files = [path.read_bytes() for path in run.results.rglob("*") if path.is_file()]
    everything = b"\0".join([*files, out.encode(), err.encode()])
    assert b"env:SQUID_PASSWORD (masked)" in everything
    for secret in (b"a-distinct", b"YS1kaXN0aW5jd"):  # the second in base64
        assert secret not in everything


def test_the_environments_proxy(start, ports):
    endpoint = SCENARIO.partition("[[egresses]]")[0].replace(
        'url = "lab+wss://echo"', 'url = "wss://127.0.0.1:1/"\n[[endpoints]]\nname = "lab"\n'
        'url = "lab+wss://echo"'
    )  # fmt: skip
    text = endpoint + '[[egresses]]\nname = "env"\nproxy = "environment"\n'
    proxy = f"http://{USER}:{PASSWORD}@127.0.0.1:{ports.http}"
    told = {"https_proxy": proxy, "no_proxy": "example.net", "all_proxy": "", "wss_proxy": ""}
    run = start(text, **told)

    _, out, err = run.finish()

    note = "names no proxy for lab: reached directly"
    assert note in " ".join(err.split())
    events = run.events()
    failed = [event for event in events if event["event"] == "attempt_failed"]
    assert {(event["endpoint"], event["status"]) for event in failed} == {("echo", 403)}
    opened = [event for event in events if event["event"] == "session_opened"]
    assert {(event["endpoint"], event.get("proxy")) for event in opened} == {("lab", None)}
    assert PASSWORD not in out + err + (run.folder / "events.jsonl").read_text()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('proxy = "http://u:hunter2@p:1"', "egresses[0].proxy"),
        ('proxy = "http://p:1"\nproxy_user = "env:NOT_SET_1"\nproxy_password = "env:NOT_SET_1"',
         "egresses.e.proxy_user: the environment variable NOT_SET_1 is not set"),
        ('proxy = "https://p:1"\nproxy_ca = "no.pem"', "egresses.e.proxy_ca: no.pem"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_leaves_nothing(start, lines, said):
    head = SCENARIO.partition("[[egresses]]")[0]
    run = start(f'{head}[[egresses]]\nname = "e"\n{lines}\n')

    code, out, err = run.finish()

    assert (code, out) == (2, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert "hunter2" not in err
    assert not run.results.exists()


DIGEST = """
name = "digest"
duration = "1s"
[sessions]
count = 2
reconnect = false
[[endpoints]]
name = "echo"
url = "lab+wss://echo"
[[egresses]]
name = "known"
proxy = "http://127.0.0.1:{http}"
proxy_user = "env:SQUID_USER"
proxy_password = "env:SQUID_PASSWORD"
[[egresses]]
name = "wrong"
proxy = "http://127.0.0.1:{http}"
proxy_user = "env:ANOTHER_USER"
proxy_password = "env:A_WRONG_WORD"
[[egresses]]
name = "basic"
proxy = "http://127.0.0.1:{http}"
proxy_user = "env:SQUID_USER"
proxy_password = "env:SQUID_PASSWORD"
proxy_auth = ["basic"]
"""


def test_a_login_by_digest_and_what_is_said_where_there_is_none(start):
    with squid(digest_login) as ports:
        run = start(
            DIGEST.format(http=ports.http),
            SQUID_USER=USER, SQUID_PASSWORD=PASSWORD, ANOTHER_USER="a-distinct-name",
            A_WRONG_WORD="a-distinct-word",
        )  # fmt: skip
        _, out, err = run.finish()

    events = run.events()
    opened = [event["egress"] for event in events if event["event"] == "session_opened"]
    assert opened == ["known", "known"]
    failed = {e["egress"]: e["evidence"]["login"] for e in events if e["event"] == "attempt_failed"}
    offered = ["Digest"]
    assert failed == {
        "wrong": {"trouble": "refused", "offered": offered, "tried": "digest"},
        "basic": {"trouble": "not_allowed", "offered": offered},
    }
    assert f"the password goes to http://127.0.0.1:{ports.http} in clear" in " ".join(err.split())
    page = " ".join(run.shown("--full").split())
    assert "the proxy did not take the login by digest (407)" in page
    assert 'rite proxy_auth = ["digest"] in the egress' in page
    assert "heck proxy_user and proxy_password" in page
    files = [path.read_bytes() for path in run.results.rglob("*") if path.is_file()]
    everything = b"\0".join([*files, out.encode(), err.encode()])
    key = hashlib.md5(f"{USER}:{REALM}:{PASSWORD}".encode()).hexdigest()  # noqa: S324 - RFC 7616
    for secret in (PASSWORD, "a-distinct", key, b64encode(f"{USER}:{PASSWORD}".encode()).decode()):
        assert secret.encode() not in everything
