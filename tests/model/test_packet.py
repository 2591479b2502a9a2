"""Packets as values: into JSON and back, and nothing that a header cannot say."""

import msgspec
import pytest

from stresser.model.packet import MOST_ENDS, FlowPackets, IcmpError, Packet

RESET = Packet(
    t_ns=7,
    unix_ns=1_800_000_000_000_000_000,
    interface="eth0",
    outgoing=False,
    flags="R",
    ttl=64,
    ip_id=0,
    df=True,
    window=0,
    seq=2**32 - 1,
    ack=0,
    length=0,
)
ERROR = IcmpError(
    t_ns=8,
    unix_ns=1_800_000_000_000_000_001,
    interface="eth0",
    offender="192.0.2.1",
    type=3,
    code=1,
    words="host unreachable",
    mtu=None,
)
FLOW = FlowPackets(syn_ack=RESET, ends=[RESET] * MOST_ENDS, icmp=[ERROR], unlisted=3)


def test_evidence_is_plain_and_reads_back():
    evidence = msgspec.to_builtins(FLOW)
    again = msgspec.json.decode(msgspec.json.encode(evidence))
    assert again == evidence
    assert msgspec.convert(again, FlowPackets) == FLOW
    assert again["ends"][0]["flags"] == "R"
    assert again["server_hello"] is None


def test_nothing_seen_is_said_as_such():
    assert msgspec.convert(msgspec.to_builtins(FlowPackets()), FlowPackets) == FlowPackets()


@pytest.mark.parametrize(
    ("field", "value"),
    [("ttl", 256), ("ttl", -1), ("seq", 2**32), ("window", 65536), ("interface", "x" * 65),
     ("t_ns", 10**30), ("ip_id", "0"), ("df", 1)],
)  # fmt: skip
def test_a_recorded_packet_keeps_to_the_header_fields(field, value):
    evidence = msgspec.to_builtins(FLOW)
    evidence["ends"][0][field] = value
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(evidence, FlowPackets)


def test_a_recorded_list_has_its_end():
    evidence = msgspec.to_builtins(FLOW)
    evidence["ends"].append(evidence["ends"][0])
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(evidence, FlowPackets)
