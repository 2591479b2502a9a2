"""Ways as a check might have seen them, for tests of what is made of them."""

from typing import Any

import msgspec

from stresser.classify.standing import make_ending
from stresser.model.chain import ChainClass, ChainRoot, TlsFacts
from stresser.model.checkup_facts import Asked, HttpAnswer, Leads, WayChecked
from stresser.model.ending import Grade, Initiator, Kind, Phase
from stresser.model.events import AttemptFailed, ChainSeen
from stresser.model.evidence import Evidence
from stresser.scenario.endpoint import is_address

MS = 1_000_000


def tls(chain_class: ChainClass = ChainClass.PUBLIC, **changes: Any) -> TlsFacts:
    roots = {
        ChainClass.PUBLIC: ChainRoot.MOZILLA,
        ChainClass.DECLARED: ChainRoot.DECLARED,
        ChainClass.PRIVATE_TRUSTED: ChainRoot.HOST,
        ChainClass.PRIVATE_UNTRUSTED: ChainRoot.OTHER,
        ChainClass.BROKEN: ChainRoot.MOZILLA,
    }
    good = {ChainClass.PUBLIC, ChainClass.DECLARED, ChainClass.PRIVATE_TRUSTED}
    fields: dict[str, Any] = {
        "version": "TLSv1.3",
        "cipher": "TLS_AES_128_GCM_SHA256",
        "alpn": None,
        "chain": f"chain-{chain_class}",
        "verified": chain_class in good,
        "problem": None if chain_class in good else "it does not verify",
        "chain_class": chain_class,
        "root": roots[chain_class],
        "intercepted": chain_class is ChainClass.PRIVATE_TRUSTED,
    }
    return TlsFacts(**fields | changes)


def chain(endpoint: str, egress: str, facts: TlsFacts, **changes: Any) -> ChainSeen:
    fields: dict[str, Any] = {
        "t_ns": 0,
        "utc": "",
        "endpoint": endpoint,
        "egress": egress,
        "activity": "",
        "chain": facts.chain,
        "verified": facts.verified,
        "problem": facts.problem,
        "certificates": [],
        "chain_class": facts.chain_class,
        "root": facts.root,
        "intercepted": facts.intercepted,
        "why": "its root (of CN=Corp) is trusted by this host, but it is no public one",
        "issuer": "CN=Corp",
        "scts": 0,
    }
    return ChainSeen(**fields | changes)


def way(endpoint: str = "broker", egress: str = "direct", **changes: Any) -> WayChecked:
    facts, host = changes.get("tls", tls()), changes.get("host", f"{endpoint}.example.net")
    fields: dict[str, Any] = {
        "endpoint": endpoint,
        "egress": egress,
        "host": host,
        "port": 443,
        "sni": None if is_address(host) else host,
        "asked": Asked.GET,
        "addresses": ["198.41.0.4"],
        "dialled": "198.41.0.4:443",
        "local": "192.0.2.10:40000",
        "phases_ns": {"resolve": MS, "connect": 20 * MS, "tls": 25 * MS, "get": 30 * MS},
        "tls": facts,
        "chain": None if facts is None else chain(endpoint, egress, facts),
        "http": HttpAnswer(status=200, reason="OK"),
        "leads": Leads(source="192.0.2.10", interface="eth0", words="Ethernet, MTU 1500"),
    }
    return WayChecked(**fields | changes)


def failed(
    endpoint: str = "broker",
    egress: str = "direct",
    *,
    phase: Phase = Phase.CONNECT,
    kind: Kind = Kind.TIMEOUT,
    initiator: Initiator = Initiator.UNKNOWN,
    failure: str = "generic_timeout_error",
    **changes: Any,
) -> AttemptFailed:
    facts: dict[str, Any] = {
        "phase": phase,
        "kind": kind,
        "failure": failure,
        "initiator": initiator,
        "grade": Grade.ERRNO,
        "planned": False,
        "age_ns": MS,
        "idle_ns": None,
        "alive_at_ns": 0,
        "dead_by_ns": MS,
        "detected_at_ns": MS,
    }
    own = {key: changes.pop(key) for key in ("local", "remote", "proxy", "tls") if key in changes}
    evidence = msgspec.convert(changes.pop("evidence", {}), Evidence)
    return AttemptFailed(
        t_ns=MS,
        utc="",
        endpoint=endpoint,
        egress=egress,
        activity="",
        attempt=1,
        ending=make_ending(**facts | changes, evidence=evidence),
        **own,
    )


def failed_way(endpoint: str = "broker", egress: str = "direct", **changes: Any) -> WayChecked:
    """A way that had no TLS."""
    return way(
        endpoint, egress, tls=None, http=None, phases_ns={"resolve": MS},
        failed=failed(endpoint, egress, **changes),
    )  # fmt: skip


def tcp_info(**changes: Any) -> dict[str, Any]:
    """TCP_INFO of a connection that has sent one ClientHello, as the record holds it."""
    figures: dict[str, Any] = {
        "state": "ESTABLISHED",
        "retransmits": 0,
        "probes": 0,
        "backoff": 0,
        "unacked": 0,
        "notsent_bytes": 0,
        "total_retrans": 0,
        "last_data_sent_ms": 1,
        "last_data_recv_ms": None,
        "last_ack_recv_ms": 1,
        "rtt_us": 1000,
        "rttvar_us": 500,
        "pmtu": 1500,
        "bytes_received": 0,
    }
    return figures | changes
