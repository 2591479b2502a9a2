"""The story of one session, told from its events."""

from stresser.analysis.views.session_story import attempt_story, session_story
from stresser.model import events as model_events
from stresser.model.ending import Grade, Initiator
from tests.analysis.story import (
    BAD_CHAIN,
    INSPECTED_TLS,
    PUBLIC_TLS,
    VPN,
    Story,
    chain_seen,
    seconds,
    utc,
)


def told(story: Story, session: int) -> dict[str, str]:
    found = session_story(story.events, session)
    assert found is not None
    return dict(found.lines)


def whole_story() -> Story:
    story = Story([VPN], 1)
    certificate = {"subject": "CN=\x1b[31mbroker", "issuer": "CN=Box", "not_after": "2030-01-01"}
    chain = model_events.ChainSeen(
        t_ns=1,
        utc=utc(1),
        **VPN._asdict(),
        chain="c2",
        verified=False,
        problem="self-signed",
        certificates=[certificate],
    )
    story.events.append(chain)
    first = story.opens(VPN, 1, tls=BAD_CHAIN)
    story.drops(
        first,
        5,
        raw="ConnectionResetError: [Errno 104]",
        initiator=Initiator.MIDDLEBOX,
        grade=Grade.PACKET,
        evidence={"since_sent_ns": seconds(4), "operation": "receive"},
    )
    story.opens(VPN, 7, replaces=first, recovery_ns=seconds(2))
    return story


def test_a_session_from_opening_to_replacement():
    lines = told(whole_story(), 1)
    assert lines["cohort"] == "broker through vpn, heartbeat"
    assert lines["phase tls"] == "8 ms"
    assert lines["chain"].startswith("does NOT verify: self-signed certificate")
    assert lines["certificate"] == r"CN=\x1b[31mbroker, issued by CN=Box, until 2030-01-01"
    assert lines["ending"].startswith("reset by TCP RST after 4 s of silence, 4 s after it opened")
    assert lines["known from"] == "packets"
    assert lines["since our last send"] == f"4 s ({seconds(4)} ns)"
    assert lines["raw error"] == "ConnectionResetError: [Errno 104]"
    assert lines["replaced by"] == "session 2, 2 s later"


def test_a_proxy_and_who_looked_the_name_up():
    assert "proxy" not in told(whole_story(), 1)
    story = Story([VPN], 1)
    story.opens(VPN, 1, proxy="http://192.0.2.9:3128", resolved_by=model_events.ResolvedBy.PROXY)
    lines = told(story, 1)
    assert lines["proxy"] == "http://192.0.2.9:3128"
    assert lines["name looked up by"] == "the proxy"


def test_an_open_session_has_no_ending():
    lines = told(whole_story(), 2)
    assert lines["replaces"] == "session 1, 2 s later"
    assert lines["ending"].startswith("none recorded")


def test_no_such_session():
    assert session_story(whole_story().events, 3) is None


def test_hostile_texts_are_bounded_and_escaped():
    story = Story([VPN], 1)
    bad = "\x1b[2J" + "z" * 100_000
    session = story.opens(VPN, 1, subprotocol=bad)
    story.drops(session, 5, raw=bad, evidence={"headers": {bad + str(n): bad for n in range(500)}})
    found = session_story(story.events, session)
    assert found is not None
    assert len(found.lines) < 100
    assert all(what.isprintable() and value.isprintable() for what, value in found.lines)
    assert all(len(what) + len(value) <= 600 for what, value in found.lines)


def test_who_ends_tls_and_where_the_chain_is():
    story = Story([VPN], 1)
    seen = chain_seen(
        VPN, INSPECTED_TLS, why="its root \x1b[2J", product="Zscaler ZIA", file="chains/i1.pem"
    )
    story.events.append(seen)
    story.opens(VPN, 1, tls=INSPECTED_TLS)
    lines = told(story, 1)
    assert lines["TLS end"] == (
        r"private_trusted chain, INTERCEPTED, consistent with Zscaler ZIA: its root \x1b[2J"
    )
    assert lines["chain file"] == "chains/i1.pem"
    story.opens(VPN, 2, tls=PUBLIC_TLS)
    assert told(story, 2)["TLS end"] == "public chain, not known to be intercepted"


def test_a_failed_attempt_from_its_phases_to_its_ending():
    story = Story([VPN], 1)
    story.events.append(chain_seen(VPN, INSPECTED_TLS, product="Zscaler"))
    story.fails(
        VPN, 9, tls=INSPECTED_TLS, failure="http_403", phases_ns={"tls": seconds(0.008)}, raw="403"
    )
    story.opens(VPN, 10)
    found = attempt_story(story.events, 1)
    assert found is not None
    lines = dict(found.lines)
    assert found.title == "Attempt 1"
    assert lines["cohort"] == "broker through vpn, heartbeat"
    assert lines["phase tls"] == "8 ms"
    assert "consistent with Zscaler" in lines["TLS end"]
    assert (lines["failure"], lines["raw error"]) == ("http_403", "403")
    assert "pings, pongs" not in lines
    assert attempt_story(story.events, 3) is None
    opened = attempt_story(story.events, 2)
    assert opened is not None
    assert opened.lines == [("opened", "session 1: show --session 1 has its story")]
