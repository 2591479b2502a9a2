"""The story of one session, told from its events."""

from stresser.analysis.counts.chain_tally import ChainTally
from stresser.analysis.summary.run_reading import read_run
from stresser.analysis.views.session_story import Story as Told
from stresser.analysis.views.session_story import StoryTeller, explained_ending
from stresser.model import events as model_events
from stresser.model.ending import Grade, Initiator, Kind, Phase, Proof
from stresser.model.hops import Hop
from stresser.model.proxy_chosen import ProxyChosen
from stresser.model.units import NS_PER_S
from stresser.record.failure_runs import one_by_one
from tests.analysis.story import (
    BAD_CHAIN,
    DIRECT,
    INSPECTED_TLS,
    PUBLIC_TLS,
    VPN,
    Story,
    chain_seen,
    seconds,
    utc,
)
from tests.fakes.checked import tcp_info


def story_of(story: Story, **wanted: int) -> Told | None:
    teller, served = StoryTeller(**wanted), ChainTally()
    for event in story.events:
        teller.event(event)
        if isinstance(event, model_events.CohortEvent):
            served.event(event)
    return teller.story(served)


def told(story: Story, session: int) -> dict[str, str]:
    found = story_of(story, session=session)
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


def test_a_planned_end_says_what_it_proved():
    story = Story([VPN], 2)
    story.ends_as_planned(story.opens(VPN, 1), 9)
    story.ends_as_planned(story.opens(VPN, 1), 9, proved=Proof.UNPROVED)
    assert told(story, 1)["proved"] == "alive when it was closed"
    assert told(story, 2)["proved"].startswith("neither: nothing that came back")
    assert "proved" not in told(whole_story(), 1)


def test_no_such_session():
    assert story_of(whole_story(), session=3) is None


def test_hostile_texts_are_bounded_and_escaped():
    story = Story([VPN], 1)
    bad = "\x1b[2J" + "z" * 100_000
    session = story.opens(VPN, 1, subprotocol=bad)
    story.drops(session, 5, raw=bad, evidence={"headers": {bad + str(n): bad for n in range(500)}})
    found = story_of(story, session=session)
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
    found = story_of(story, attempt=1)
    assert found is not None
    lines = dict(found.lines)
    assert found.title == "Attempt 1"
    assert lines["cohort"] == "broker through vpn, heartbeat"
    assert lines["phase tls"] == "8 ms"
    assert "consistent with Zscaler" in lines["TLS end"]
    assert (lines["failure"], lines["raw error"]) == ("http_403", "403")
    assert "pings, pongs" not in lines
    assert story_of(story, attempt=3) is None
    assert lines["began"] == "9 s into the run"


def test_a_counted_attempt_says_what_of_it_is_not_recorded():
    story = Story([VPN], 1)
    for at in (1.0, 1.2, 1.4):
        story.fails(VPN, at)
    started, _, _, last = story.events
    assert isinstance(last, model_events.AttemptFailed)
    last.also, last.since_ns = [1, 2], NS_PER_S
    story.events = list(one_by_one([started, last]))
    found = [story_of(story, attempt=number) for number in (1, 2, 3)]
    words = [dict(one.lines).get("recorded", "") for one in found if one is not None]
    assert ["its times are estimates" in one for one in words] == [True, True, False]


def test_an_attempt_that_opened_has_its_sessions_story():
    story = whole_story()
    by_attempt, by_session = story_of(story, attempt=1), story_of(story, session=1)
    assert by_attempt is not None
    assert by_session is not None
    assert (by_attempt.title, by_attempt.lines) == ("Attempt 1", by_session.lines)
    assert dict(by_attempt.lines)["replaced by"] == "session 2, 2 s later"


def test_a_chain_that_every_egress_shows_is_called_no_interceptors():
    story = Story([VPN, DIRECT], 2)
    for cohort in (VPN, DIRECT):
        story.events.append(chain_seen(cohort, INSPECTED_TLS))
        story.opens(cohort, 1, tls=INSPECTED_TLS)
    lines = told(story, 1)
    assert "INTERCEPTED" not in lines["TLS end"]
    assert lines["shown by"].startswith("every egress alike")


def test_a_failed_attempt_has_its_diagnosis_its_burst_and_what_to_ask(tmp_path):
    story = Story([VPN, DIRECT], 2)
    story.opens(DIRECT, 1)
    for at in (5, 7, 9):
        story.fails(VPN, at, kind=Kind.TIMEOUT, phase=Phase.TLS,
                    evidence={"tcp_info": tcp_info(bytes_acked=1, unacked=1)})  # fmt: skip
    teller = StoryTeller(attempt=3)
    reading = read_run(story.recorded(tmp_path / "run"), others=[teller])
    found = teller.story(reading.tally.served, explained_ending(reading, teller))
    assert found is not None
    lines = dict(found.lines)
    assert lines["diagnosis"].startswith("1, name_filter: Through vpn, 3 attempts failed")
    assert lines["burst"].startswith("3 attempts to broker through vpn failed in 4 s")
    assert lines["met"] == "hello_dropped: the ClientHello was never acknowledged"
    assert "find out what drops the ClientHello to broker" in lines["what to do"]
    assert "never acknowledged (TCP_INFO" in lines["what was sent"]


def test_the_path_of_a_session_and_its_change():
    story = whole_story()
    one, other = Hop(number=1, address="198.51.100.1"), Hop(number=1, address="198.51.100.9")
    for hops, before in (([one], []), ([other], [one])):
        story.events.append(
            model_events.HopsSeen(
                t_ns=1, utc="2026-11-23T07:25:27Z", **VPN._asdict(), session=1, remote="r",
                hops=hops, before=before,
            )
        )  # fmt: skip
    found = story_of(story, session=1)
    assert found is not None
    assert [value for what, value in found.lines if what == "path"] == [
        "1 hop: 198.51.100.1, seen at 2026-11-23T07:25:27Z",
        (
            "1 hop: 198.51.100.9 (changed, hop 1: 198.51.100.1 -> 198.51.100.9), seen at"
            " 2026-11-23T07:25:27Z"
        ),
    ]


def test_what_a_pac_said_stands_beside_the_proxy_that_was_taken():
    story = Story([VPN], 1)
    said = ProxyChosen(
        t_ns=0, utc=utc(0), endpoint=VPN.endpoint, egress=VPN.egress, source="pac:x.pac",
        url="wss://e/", answer="PROXY a:1; DIRECT", entries=["http://a:1", "direct"],
        chosen="http://a:1",
    )  # fmt: skip
    story.events.append(said)
    session = story.opens(VPN, 1)
    words = 'x.pac returned "PROXY a:1; DIRECT" for wss://e/'
    lines = told(story, session)
    assert (lines["proxy"], lines["PAC"]) == ("none: directly", words)
    opened = story.events[-1]
    assert isinstance(opened, model_events.SessionOpened)
    opened.proxy = "http://192.0.2.9:1"
    assert told(story, session)["proxy"] == "http://192.0.2.9:1"
    other = Story([DIRECT], 1)
    other.events.append(said)
    assert "PAC" not in told(other, other.opens(DIRECT, 1))
