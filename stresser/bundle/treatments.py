"""What becomes of each text that a run folder may hold, by the field that holds it.

Numbers, truth values and words of closed lists stay: their types say what they are. Every field
that can hold a text is in the table; a test derives the fields from the types, so that a new one
cannot be forgotten. One that is not in the table is taken out whole.
"""

from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from msgspec import Struct, inspect


class Treatment(StrEnum):
    """What is done to a text, or to each text of a list or table."""

    OURS = "ours"
    """A word of stresser's or of the kernel's: it stays."""
    LEFT_OUT = "left_out"
    """It is taken out: nothing stands in its place."""
    GONE = "gone"
    """It is replaced by the same mark wherever it stands."""
    PEER = "peer"
    """What somebody else said: a number in its place, whole."""
    FREE = "free"
    """A sentence of stresser's with names in it: those are replaced."""
    SCENARIO = "scenario"
    ENDPOINT = "endpoint"
    EGRESS = "egress"
    ACTIVITY = "activity"
    INTERFACE = "interface"
    PROTOCOL = "protocol"
    """A subprotocol or ALPN name: the plan's, said again by the peer."""
    NAME = "name"
    """Of a certificate's subject or issuer."""
    HOST = "host"
    PLACE = "place"
    """`address:port` or `name:port`."""
    URL = "url"
    CHAIN_ID = "chain_id"
    SHA256 = "sha256"
    RAW = "raw"
    """An error's text: a number, and what tells HTTP from other bytes."""
    HEADERS = "headers"
    CERTIFICATES = "certificates"
    COHORTS = "cohorts"
    THRESHOLDS = "thresholds"
    PATH = "path"
    """The name of one of our files, its folder taken away."""
    PLAN = "plan"
    """The scenario: a table as `scenario.plan.Scenario` has it."""
    HOST_FACTS = "host_facts"
    """A table of what this host is; its name goes."""


_T = Treatment
_EVENT = {"utc": _T.OURS}
_COHORT = _EVENT | {"endpoint": _T.ENDPOINT, "egress": _T.EGRESS, "activity": _T.ACTIVITY}
_ENDS = {"local": _T.PLACE, "remote": _T.PLACE, "proxy": _T.URL}
_ENDED = _COHORT | _ENDS | {"failure": _T.OURS, "reason": _T.PEER, "raw": _T.RAW}
_PHASES = {"phases_ns": _T.OURS}
_CHANGE = {"interface": _T.INTERFACE, "detail": _T.FREE}
_PACKET = {"interface": _T.INTERFACE, "flags": _T.OURS}
_SAID = dict.fromkeys(("text", "json", "binary", "expect", "pointer"), _T.GONE)
TREATMENTS: dict[str, dict[str, Treatment]] = {
    "RunStarted": _EVENT | {"scenario": _T.SCENARIO, "cohorts": _T.COHORTS},
    "RunEnded": _EVENT | {"reason": _T.FREE},
    "RunResumed": _EVENT | {"why": _T.FREE},
    "WorkerEnded": _EVENT | {"how": _T.OURS},
    "SessionOpened": _COHORT | _ENDS | _PHASES | {"subprotocol": _T.PROTOCOL},
    "AttemptFailed": _ENDED | _PHASES,
    "SessionEnded": _ENDED,
    "ChainSeen": _COHORT
    | {
        "chain": _T.CHAIN_ID, "problem": _T.FREE, "certificates": _T.CERTIFICATES, "why": _T.FREE,
        "product": _T.OURS, "missing_issuer": _T.NAME, "issuer_url": _T.URL,
        "spki_sha256": _T.SHA256, "issuer": _T.NAME, "issuer_organisation": _T.NAME,
        "not_before": _T.OURS, "not_after": _T.OURS, "file": _T.GONE,
    },
    "AddressesSeen": _COHORT | {"name": _T.HOST, "addresses": _T.HOST},
    "HopsSeen": _COHORT | {"remote": _T.PLACE, "proxy": _T.URL},
    "ProxyChosen": _EVENT
    | {
        "endpoint": _T.ENDPOINT, "egress": _T.EGRESS, "source": _T.GONE, "url": _T.URL,
        "answer": _T.GONE, "entries": _T.URL, "chosen": _T.URL, "instead_of": _T.URL,
        "failure": _T.RAW, "without_pac": _T.GONE,
    },
    "Hop": {"address": _T.HOST},
    "HostSlept": _EVENT,
    "ClockStepped": _EVENT,
    "TesterLate": _EVENT,
    "WitnessGap": _EVENT | {"witness": _T.OURS, "detail": _T.FREE},
    "PathChanged": _EVENT | _CHANGE | {"counts": _T.OURS},
    "LabKilled": _EVENT | {"endpoint": _T.ENDPOINT, "egress": _T.EGRESS, "rule": _T.OURS},
    "ReflectionOpened": _EVENT
    | {"run": _T.OURS, "scheme": _T.OURS, "local": _T.PLACE, "peer": _T.PLACE},
    "ReflectionEnded": _EVENT | {"run": _T.OURS, "raw": _T.FREE},
    "FarEndSeen": _EVENT,
    "FarEnd": {"peer": _T.PLACE},
    "TlsFacts": {
        "version": _T.OURS, "cipher": _T.OURS, "alpn": _T.PROTOCOL, "chain": _T.CHAIN_ID,
        "problem": _T.FREE,
    },
    "Evidence": {
        "why": _T.OURS, "against": _T.OURS, "operation": _T.OURS, "close": _T.OURS,
        "headers": _T.HEADERS, "first_bytes": _T.RAW, "last_text": _T.PEER,
        "proxy_step": _T.OURS, "name": _T.HOST,
        "route_changes": _T.FREE,
    },
    "ProxyLogin": {"offered": _T.OURS, "service": _T.GONE, "said": _T.PEER},
    "TcpInfo": {"state": _T.OURS},
    "SiblingAlive": {"egress": _T.EGRESS},
    "SeenPathChange": _CHANGE,
    "FreshConnection": {
        "egress": _T.EGRESS, "endpoint": _T.ENDPOINT, "remote": _T.PLACE, "proxy": _T.URL,
        "failure": _T.OURS, "chain": _T.CHAIN_ID,
    },
    "Packet": _PACKET | {"raw": _T.LEFT_OUT},
    "IcmpError": {
        "interface": _T.INTERFACE, "offender": _T.HOST, "words": _T.OURS, "raw": _T.LEFT_OUT,
    },
    "PacketOrigin": _PACKET,
    "Signal": {"name": _T.OURS},
    "Manifest": {
        "stresser": _T.OURS, "started_utc": _T.OURS, "ended_utc": _T.OURS, "end_reason": _T.FREE,
        "scenario": _T.PLAN, "run_id": _T.GONE, "listened": _T.GONE,
        "command_line": _T.GONE, "versions": _T.OURS, "host": _T.HOST_FACTS,
        "kernel": _T.OURS, "socket_options": _T.FREE, "capabilities": _T.FREE, "limits": _T.OURS,
    },
    "MeasuredLimits": {"stresser": _T.OURS, "measured_utc": _T.OURS},
    "ProcessIdentity": {
        "started": _T.GONE, "boot_id": _T.GONE, "pid_namespace": _T.GONE, "host": _T.GONE,
    },
    "Resumption": {"utc": _T.OURS, "why": _T.FREE, "stresser": _T.OURS},
    "Gap": {"what": _T.FREE, "path": _T.PATH, "since_utc": _T.OURS},
    "Scenario": {"name": _T.SCENARIO, "thresholds": _T.THRESHOLDS},
    "Activity": _SAID | {"name": _T.ACTIVITY},
    "Endpoint": {
        "name": _T.ENDPOINT, "url": _T.URL, "ca": _T.GONE, "sni": _T.HOST, "address": _T.HOST,
        "headers": _T.HEADERS, "subprotocols": _T.PROTOCOL, "alpn": _T.PROTOCOL,
    },
    "FirstMessage": _SAID,
    "Before": {
        "get": _T.URL, "post": _T.URL, "headers": _T.HEADERS, "body": _T.GONE, "take": _T.GONE,
    },
    "Broker": {"user": _T.GONE, "password": _T.GONE, "client_id": _T.GONE},
    "Reflector": {"token": _T.GONE},
    "Egress": {
        "name": _T.EGRESS, "interface": _T.INTERFACE, "source": _T.HOST, "proxy": _T.URL,
        "proxy_user": _T.GONE, "proxy_password": _T.GONE, "proxy_ca": _T.GONE,
    },
}  # fmt: skip
"""By the name of the type: a line's flat types are named like their events."""


class Fields(NamedTuple):
    """The fields of one type, by what they can hold."""

    name: str
    texts: frozenset[str]
    nested: dict[str, type[Struct]]
    words: dict[str, frozenset[Any]]
    """Every field, with the words of the closed lists that it may hold."""


@cache
def fields_of(struct: type[Struct]) -> Fields:
    """What each field of a type can hold."""
    texts, nested, words = set(), {}, {}
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - it is by its type
    for field in info.fields:
        leaves = list(_leaves(field.type))
        inner = next((leaf.cls for leaf in leaves if isinstance(leaf, inspect.StructType)), None)
        if inner is not None:
            nested[field.encode_name] = inner
        elif any(isinstance(leaf, inspect.StrType | inspect.AnyType) for leaf in leaves):
            texts.add(field.encode_name)
        words[field.encode_name] = frozenset(word for leaf in leaves for word in _words(leaf))
    return Fields(struct.__name__, frozenset(texts), nested, words)


def _leaves(info: inspect.Type) -> list[inspect.Type]:
    if isinstance(info, inspect.Metadata):
        return _leaves(info.type)
    if isinstance(info, inspect.UnionType):
        return [leaf for one in info.types for leaf in _leaves(one)]
    if isinstance(info, inspect.ListType | inspect.VarTupleType):
        return _leaves(info.item_type)
    if isinstance(info, inspect.DictType):
        return [*_leaves(info.key_type), *_leaves(info.value_type)]
    if isinstance(info, inspect.NamedTupleType):
        return [leaf for field in info.fields for leaf in _leaves(field.type)]
    return [info]


def _words(info: inspect.Type) -> tuple[Any, ...]:
    if isinstance(info, inspect.EnumType):
        return tuple(one.value for one in info.cls)
    return info.values if isinstance(info, inspect.LiteralType) else ()
