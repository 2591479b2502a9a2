"""A run in which every field that can hold a text holds a marked one, for tests of redaction."""

from typing import Any

import msgspec
from msgspec import inspect

from stresser.bundle.treatments import TREATMENTS, Treatment, fields_of
from stresser.model.cohort import Cohort
from stresser.model.ending import Kind
from stresser.model.quantity import Quantity
from stresser.record.event_lines import event_of_line, event_tag, flat_types
from tests.analysis.story import INSPECTED_TLS, Story, chain_seen

MARK = "zq"
ADDRESS = "203.0.113."
ENDPOINTS, EGRESSES, ACTIVITIES = ("tls", "a"), ("env", "reset", "1"), ("ping", "b")
SAMPLES: dict[Treatment, Any] = {
    Treatment.OURS: "connect",
    Treatment.LEFT_OUT: "4500002800010000cb007109",
    Treatment.GONE: "zq gone",
    Treatment.PEER: "zq said this",
    Treatment.FREE: "reset to 203.0.113.9 at zq.example.net: 'zq quoted', wss://zq/x?zq dev zq0",
    Treatment.SCENARIO: "zq-night",
    Treatment.ENDPOINT: "a",
    Treatment.EGRESS: "reset",
    Treatment.ACTIVITY: "b",
    Treatment.INTERFACE: "zq0",
    Treatment.PROTOCOL: "zq-protocol",
    Treatment.NAME: "CN=zq Corp, O=zq, Inc",
    Treatment.HOST: "zq.corp.example.net",
    Treatment.PLACE: "203.0.113.7:443",
    Treatment.URL: "http://zq:zq@zq.example.net:3128/zq",
    Treatment.CHAIN_ID: "2a" * 8,
    Treatment.SHA256: "2a" * 32,
    Treatment.RAW: "ProtocolError: HTTP/1.1 zq",
    Treatment.HEADERS: {"via": "1.1 zq", "proxy-authenticate": 'Basic realm="zq"', "zq": "zq"},
    Treatment.CERTIFICATES: [
        {"subject": "CN=zq", "issuer": "CN=zq Corp", "names": ["zq.example.net"], "zq": "zq",
         "not_before": "2026-01-01T00:00:00+00:00", "sha256": "2a" * 32, "problem": "zq"},
    ],
    Treatment.COHORTS: [["a", "reset", "b"]],
}  # fmt: skip
SCENARIO = {
    "name": "zq-night",
    "duration": "1m",
    "endpoints": [
        {"name": "tls", "url": "wss://zq.example.net:8443/zq?zq=zq", "sni": "zqgw",
         "ca": "/srv/zq/ca.pem", "address": "203.0.113.8", "subprotocols": ["zq-protocol"],
         "alpn": ["zq-protocol"], "headers": {"X-Zq": "env:ZQ_TOKEN (masked)"}},
        {"name": "a", "url": "wss://zqbare/"},
    ],
    "egresses": [
        {"name": "env", "interface": "zq0"},
        {"name": "reset", "proxy": "http://zq.example.net:3128", "proxy_user": "env:ZQ (masked)"},
        {"name": "1", "source": "203.0.113.1", "lab": {"kill": "reset", "age_limit": "30s"}},
    ],
    "activities": [
        {"name": "ping", "kind": "heartbeat", "every": "15s"},
        {"name": "b", "kind": "silent"},
    ],
    "thresholds": {
        "tls.p99": "< 1s", "drops.tcp_reset{egress=reset}": "= 0",
        "rtt.p99{endpoint=tls, egress=env}": "< 90ms", "drops{egress=env}": "= 0",
    },
}  # fmt: skip
MANIFEST: dict[str, Any] = {
    "scenario": SCENARIO,
    "command_line": ["stresser", "run", "/srv/zq/zq.toml"],
    "versions": {"python": "CPython 3.11.2", "kernel": "Linux 6.1.0"},
    "host": {"name": "zq-laptop", "system": "Linux-6.1.0", "processors": 8},
    "kernel": {"net.ipv4.tcp_retries2": "15"},
    "socket_options": {"TCP_NODELAY": 1, "timers": {"ping": {"user_timeout_ms": 5}}},
    "capabilities": {"packets": True},
    "end_reason": "signal SIGINT by reset",
}


def filled(struct: Any) -> dict[str, Any]:
    """One of a type, with every field set."""
    fields, table = fields_of(struct), TREATMENTS.get(struct.__name__, {})
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    made: dict[str, Any] = {}
    for field in info.fields:
        name = field.encode_name
        if name in fields.nested:
            inner = filled(fields.nested[name])
            made[name] = [inner] if "ListType" in repr(field.type) else inner
        elif name in fields.texts:
            made[name] = _text(table[name], field.type)
        else:
            made[name] = next(iter(sorted(fields.words[name], key=str)), 1)
            made[name] = True if "BoolType" in repr(field.type) else made[name]
            made[name] = [made[name]] if "ListType" in repr(field.type) else made[name]
    return made


def _text(treatment: Treatment, kind: inspect.Type) -> Any:
    sample = SAMPLES[treatment]
    if not isinstance(sample, str):
        return sample
    if "DictType" in repr(kind):
        return {sample: 1}
    return [sample] if "ListType" in repr(kind) else sample


def every_event() -> list[Any]:
    """One of each type, complete."""
    lines = ({"event": event_tag(one)} | filled(one) for one in flat_types)
    return [event_of_line(msgspec.json.encode(line)) for line in lines]


def rich_story() -> Story:
    """Sessions that live and die through each egress, beside one of every event."""
    cohorts = [Cohort("tls", egress, "ping") for egress in EGRESSES] + [Cohort("a", "reset", "b")]
    story = Story(cohorts, 6)
    story.events.append(chain_seen(cohorts[1], INSPECTED_TLS, issuer="CN=zq Corp"))
    for cohort in cohorts:
        sessions = [story.opens(cohort, 0.1 * n, INSPECTED_TLS) for n in range(6)]
        story.samples(Quantity.RTT, cohort, 20, 30, 40)
        story.samples(Quantity.TLS, cohort, 8, 9)
        for n, session in enumerate(sessions):
            if cohort.egress == "reset":
                story.drops(session, 20 + 0.1 * n, Kind.TCP_RESET, reason="zq", raw="zq raw")
            else:
                story.ends_as_planned(session, 59)
    story.fails(cohorts[1], 40, raw="zq", reason="zq", status=407, kind=Kind.PROXY_ERROR,
                evidence={"headers": {"proxy-authenticate": 'Basic realm="zq"'}})  # fmt: skip
    rich = [
        one for one in every_event() if event_tag(type(one)) not in {"run_started", "run_ended"}
    ]
    story.events += [msgspec.structs.replace(one, t_ns=10**10) for one in rich]
    story.stops(60, reason="signal SIGINT through reset")
    return story
