import msgspec
import pytest

from stresser.bundle.redaction import Redaction
from stresser.model.cohort import Cohort
from stresser.model.ending import Kind
from stresser.record.events_file import encode_event
from tests.analysis.story import INSPECTED_TLS, Story, chain_seen

SECRETS = (
    "acme", "Acme", "198.51.100.1", "192.0.2.1", "2001:db8", "corp-laptop", "/srv/eve", "eve@",
    "hush", "Corp Inspection", "goodbye from",
)  # fmt: skip
LOOK = {
    "remote": "198.51.100.1:443", "egress": "acme-tunnel", "endpoint": "acme", "result": "silent",
    "asked_ns": 1, "answered_ns": 2,
}  # fmt: skip
ICMP = {
    "t_ns": 1, "unix_ns": 1, "interface": "eth0", "offender": "2001:db8::9", "type": 1, "code": 0,
    "words": "no route", "mtu": None,
}  # fmt: skip
COHORT = Cohort("acme-broker", "acme-tunnel", "heartbeat")
MANIFEST = {
    "stresser": "0.1.0",
    "started_utc": "2026-11-23T00:00:00.000000Z",
    "anchor_unix_ns": 1_795_392_000_000_000_000,
    "command_line": ["stresser", "run", "/srv/eve/acme.toml"],
    "process": {"pid": 4, "host": "corp-laptop", "boot_id": "x"},
    "host": {"node": "corp-laptop", "system": "Linux", "user": "eve"},
    "capabilities": {"packets": "corp-laptop can"},
    "scenario": {
        "name": "acme-night",
        "endpoints": [
            {
                "name": "acme-broker",
                "url": "wss://broker.acme.example:8443/path?token=hush",
                "ca": "/srv/eve/root.pem",
                "headers": {"Authorization": "hush"},
            }
        ],
        "egresses": [{"name": "acme-tunnel", "proxy": "http://eve@proxy.acme.example:3128"}],
        "activities": [{"name": "heartbeat", "kind": "heartbeat", "every": "15s"}],
        "thresholds": {"drops{egress=acme-tunnel}": "= 0"},
    },
}


def redacted():
    redaction = Redaction()
    text = redaction.manifest(msgspec.json.encode(MANIFEST))
    assert text is not None
    manifest = msgspec.json.decode(text)
    story = Story([COHORT], 1)
    story.events.append(
        chain_seen(
            COHORT, INSPECTED_TLS, certificates=[{"subject": "CN=Acme", "names": ["a.acme"]}]
        )
    )
    session = story.opens(COHORT, 1, INSPECTED_TLS)
    story.drops(
        session, 9, Kind.WS_CLOSE, reason="goodbye from Acme", code=1001,
        raw="reset by broker.acme.example (198.51.100.1)",
        evidence={
            "why": ["reset-by-another-box"],
            "fresh_connections": [LOOK],
            "path_changes": [
                {"t_ns": 1, "change": "link_down", "detail": "default via 192.0.2.1"}
            ],
            "packets": {"icmp": [ICMP]},
        },
    )  # fmt: skip
    story.stops(60)
    events = [
        msgspec.json.decode(redaction.event_line(encode_event(one), is_whole=True))
        for one in story.events
    ]
    return redaction, manifest, events


def test_no_name_or_address_is_left():
    _, manifest, events = redacted()
    text = msgspec.json.encode([manifest, events]).decode()
    assert [secret for secret in SECRETS if secret in text] == []


def test_what_figures_need_is_left():
    redaction, manifest, events = redacted()
    ended = next(event for event in events if event["event"] == "session_ended")
    opened = next(event for event in events if event["event"] == "session_opened")
    assert (ended["endpoint"], ended["egress"], ended["activity"]) == (
        "endpoint-1", "egress-1", "heartbeat",
    )  # fmt: skip
    assert (ended["kind"], ended["code"]) == ("ws_close", 1001)
    assert ended["evidence"]["why"] == ["reset-by-another-box"]
    assert opened["remote"].endswith(":443")
    assert events[0]["cohorts"] == [["endpoint-1", "egress-1", "heartbeat"]]
    assert manifest["scenario"]["thresholds"] == {"drops{egress=egress-1}": "= 0"}
    assert manifest["scenario"]["endpoints"][0]["url"].startswith("wss://host-")
    assert manifest["scenario"]["endpoints"][0]["url"].endswith(":8443")
    assert (
        redaction.tag("rtt/acme-broker/acme-tunnel/heartbeat")
        == "rtt/endpoint-1/egress-1/heartbeat"
    )
    assert redaction.tag("loop_lag") == "loop_lag"
    assert list(manifest["scenario"]["endpoints"][0]["headers"]) == ["Authorization"]


def test_the_same_thing_has_the_same_stand_in_everywhere():
    _, _, events = redacted()
    opened = next(event for event in events if event["event"] == "session_opened")
    seen = next(event for event in events if event["event"] == "chain_seen")
    ended = next(event for event in events if event["event"] == "session_ended")
    assert opened["tls"]["chain"] == seen["chain"]
    assert ended["evidence"]["fresh_connections"][0]["remote"] == opened["remote"]


@pytest.mark.parametrize(
    ("line", "is_whole", "expected"),
    [
        (b'{"event": "acme_news", "acme": 1}', True, b'{"event":"event-1"}'),
        (b'{"event": "session_ended", "acme": 1}', True, b"{}"),
        (b'["acme"]', True, b"{}"),
        (b"[" * 100_000, True, b"{}"),
        (b'{"event": "acme', False, b"{"),
    ],
)
def test_a_line_that_is_no_event_is_as_damaged_and_says_nothing(line, is_whole, expected):
    assert Redaction().event_line(line, is_whole=is_whole) == expected


def test_a_manifest_that_is_none_is_left_out():
    assert Redaction().manifest(b'{"acme": 1}') is None
    assert Redaction().manifest(b"[" * 100_000) is None


def test_a_plan_edited_by_hand_keeps_its_figures_and_nothing_else():
    odd = {
        "name": ["acme"], "duration": "acme", "endpoints": "acme", "egresses": ["acme", 5],
        "acme": "acme", "sessions": {"count": "acme", "ramp": "90s", "reconnect": False},
        "thresholds": {"drops{acme}": "= 0", "acme": 5}, "timeouts": {"tls": "10s", "acme": 1},
    }  # fmt: skip
    text = Redaction().manifest(msgspec.json.encode(MANIFEST | {"scenario": odd}))
    assert text is not None
    assert b"acme" not in text
    scenario = msgspec.json.decode(text)["scenario"]
    assert scenario["sessions"] == {"count": "(redacted)", "ramp": "90s", "reconnect": False}
    assert scenario["timeouts"] == {"tls": "10s"}


@pytest.mark.parametrize(
    ("place", "scheme"), [("http://ca.acme.example/m.crt", "http"), ("ldap:///CN=Acme", "ldap")]
)
def test_where_an_issuer_may_be_fetched_keeps_its_scheme(place, scheme):
    redaction = Redaction()
    seen = chain_seen(COHORT, INSPECTED_TLS, missing_issuer="CN=Acme", issuer_url=place)
    line = redaction.event_line(encode_event(seen), is_whole=True)
    found = msgspec.json.decode(line)["issuer_url"]
    assert found.startswith(scheme)
    assert "acme" not in found.lower()


def test_a_portal_that_speaks_http_where_tls_is_asked_for_is_still_one():
    """A diagnosis looks at the first bytes: what tells HTTP is left of them, and nothing else."""
    story = Story([COHORT], 1)
    story.fails(
        COHORT, 5, kind=Kind.PROTOCOL_ERROR, phase="tls", raw="wrong_version_number",
        evidence={"first_bytes": "HTTP/1.1 302 Found\\r\\nServer: acme-portal"},
    )  # fmt: skip
    line = encode_event(story.events[-1]).rstrip(b"\n")
    said = Redaction().event_line(line, is_whole=True)
    first = msgspec.json.decode(said)["evidence"]["first_bytes"]
    assert first.endswith(" (HTTP/1.)")
    assert b"acme-portal" not in said
