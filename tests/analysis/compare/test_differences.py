from stresser.analysis.compare.differences import compare_properties, other_addresses
from stresser.analysis.compare.sides import Held
from stresser.model.ending import Kind
from stresser.model.events import ChainSeen, SessionOpened
from tests.analysis.sides_story import BAD_CHAIN, VPN, incident_story, recorded_sides, silent_story

BOTH = [Held("broker", "heartbeat")]


def differences(tmp_path, story):
    sides = recorded_sides(tmp_path, story)
    return {
        row.what: (row.baseline, row.candidate)
        for row in compare_properties(sides[0], sides[1], BOTH)
    }


def test_alike_sides_differ_in_nothing(tmp_path):
    story = incident_story(direct=0, vpn=0)
    assert differences(tmp_path, story) == {}


def test_kinds_of_drops(tmp_path):
    story = incident_story(direct=3, vpn=0)
    story.drops(story.opens(VPN, 5), 9, Kind.WS_CLOSE)
    assert differences(tmp_path, story)["kinds of drops"] == ("3 TCP resets", "1 WebSocket close")


def test_a_timer(tmp_path):
    found = differences(tmp_path, silent_story(8))
    assert found["timers"] == (
        "none",
        "8 of 8 followed 300 +/- 3 s of silence",
    )


def test_a_chain_that_only_one_side_met(tmp_path):
    story = incident_story(direct=0, vpn=0, vpn_tls=BAD_CHAIN)
    story.events.append(
        ChainSeen(
            t_ns=5,
            utc="",
            **VPN._asdict(),
            chain="c2",
            verified=False,
            problem=None,
            certificates=[{"issuer": "CN=Box\x1b[2J"}],
        )
    )
    found = differences(tmp_path, story)["certificate chain of broker"]
    assert found[0] == "chain c1 (4 sessions)"
    assert found[1] == (
        "issued by CN=Box\\x1b[2J (4 sessions); does not verify: self-signed certificate in"
        " certificate chain"
    )


def test_versions_and_addresses(tmp_path):
    story = incident_story(direct=0, vpn=0)
    for event in story.events:
        if isinstance(event, SessionOpened) and event.egress == "vpn":
            event.remote = "203.0.113.9:443"
    found = differences(tmp_path, story)
    assert found == {"addresses of broker": ("198.51.100.1", "203.0.113.9")}


def test_one_address_alike_is_enough(tmp_path):
    story = incident_story(direct=0, vpn=0)
    opened = [event for event in story.events if isinstance(event, SessionOpened)]
    opened[-1].remote = "203.0.113.9:443"
    sides = recorded_sides(tmp_path, story)
    assert not other_addresses(*sides)
