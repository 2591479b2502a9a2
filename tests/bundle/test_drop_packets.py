"""The packets of drops as tshark shows them: which one ended what, in plain and redacted files."""

import io
import zipfile

import pytest
from msgspec.structs import replace

from stresser.bundle.drop_packets import PACKETS, DropPackets
from stresser.bundle.evidence_zip import write_evidence
from stresser.bundle.verification import verify_bundle
from stresser.classify.packet_origin import provenance
from stresser.model.ending import Kind
from stresser.model.evidence import Evidence
from stresser.model.packet import FlowPackets
from stresser.witness.packet_parse import Stamp, headers_of, read_icmp, read_packet, sketch
from tests.analysis.story import VPN, Story
from tests.record.test_pcapng import read_by_tshark
from tests.witness.made_packets import LOCAL, LOCAL6, REMOTE, REMOTE6, icmp, incoming, outgoing

pytestmark = pytest.mark.usefixtures("small_plotly")

S = 1_000_000_000
CHECKED = ("-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE")
GOOD = "1"


def seen(packet, at_s, *, sent=False):
    stamp = Stamp(at_s * S, (1_800_000_000 + at_s) * S, "tun0", sent)
    headers = headers_of(packet)
    assert headers is not None
    return read_packet(headers, stamp)


def flow(*, v6=False, ttl=63):
    return FlowPackets(
        syn_ack=seen(incoming("SA", v6=v6, ttl=54), 0),
        ends=[
            seen(incoming("R", v6=v6, ttl=ttl, ack=0, window=0), 9),
            seen(outgoing("FA", v6=v6), 10, sent=True),
        ],
    )


def place(end):
    return f"[{end[0]}]:{end[1]}" if ":" in end[0] else f"{end[0]}:{end[1]}"


def story_with(packets, *, v6=False, kind=Kind.TCP_RESET, origin=True):
    story = Story([VPN], 1)
    found = None
    if origin:
        found = provenance(packets, expected_seq=1000, sent_ns=0, rtt_ns=S, idle_before_send_ns=0)
    evidence = Evidence(packets=packets, origin=found)
    story.drops(story.opens(VPN, 0), 9, kind=kind, evidence=evidence)
    story.events[-1] = replace(
        story.events[-1],
        local=place(LOCAL6 if v6 else LOCAL),
        remote=place(REMOTE6 if v6 else REMOTE),
    )
    return story


def no_packets():
    """Read by tshark in tests/record/test_pcapng.py: a file without packets."""
    DropPackets(file := io.BytesIO())
    return file.getvalue()


def capture_of(story, tmp_path, **chosen):
    file = io.BytesIO()
    packets = DropPackets(file, **chosen)
    for event in story.events:
        packets.event(event)
    (tmp_path / PACKETS).write_bytes(file.getvalue())
    return tmp_path / PACKETS


@pytest.mark.parametrize("v6", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_packet_that_ended_it_says_so(tmp_path, v6):
    path = capture_of(story_with(flow(v6=v6), v6=v6), tmp_path)
    ttl = "ipv6.hlim" if v6 else "ip.ttl"
    told = read_by_tshark(path, "frame.comment", "frame.time_epoch", ttl, "tcp.flags.reset")
    assert [one[0] for one in told] == [
        "session 1: SYN-ACK",
        "session 1, reset, TTL 63 where the endpoint's packets carry 54",
        "session 1: FIN of this host",
    ]
    assert told[1][1:3] == ("1800000009.000000000", "63")
    (only,) = read_by_tshark(
        path, "frame.number", options=("-Y", 'frame.comment contains "session 1, "')
    )
    assert only == ("2",)


@pytest.mark.slow
def test_headers_are_those_that_came(tmp_path):
    path = capture_of(story_with(flow()), tmp_path)
    data = path.read_bytes()
    assert incoming("R", ttl=63, ack=0, window=0)[:40] in data
    ends = read_by_tshark(path, "ip.src", "ip.dst", "tcp.srcport", "tcp.seq_raw")
    assert ends[1] == (REMOTE[0], LOCAL[0], "443", "1000")


def test_a_silence_says_that_no_packet_ended_it(tmp_path):
    packets = FlowPackets(syn_ack=seen(incoming("SA"), 0))
    path = capture_of(story_with(packets, kind=Kind.SILENCE, origin=False), tmp_path)
    ((comment,),) = read_by_tshark(path, "frame.comment")
    assert comment == "session 1: SYN-ACK; no packet ended it: silence"


@pytest.mark.parametrize("port", ["1" * 5000, "99999", "²", "", "-1"])
def test_a_place_that_is_none_has_no_packets(tmp_path, port):
    story = story_with(flow())
    story.events[-1] = replace(story.events[-1], local=f"192.0.2.1:{port}")
    assert capture_of(story, tmp_path).read_bytes() == no_packets()


@pytest.mark.slow
def test_one_session_alone(tmp_path):
    story = story_with(flow())
    assert len(read_by_tshark(capture_of(story, tmp_path, session=1), "frame.number")) == 3
    assert capture_of(story, tmp_path, session=2).read_bytes() == no_packets()


@pytest.mark.parametrize("v6", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_redacted_bundle_has_other_addresses_and_right_checksums(tmp_path, v6):
    run = story_with(flow(v6=v6), v6=v6).recorded(tmp_path / "run")
    write_evidence([run], None, tmp_path / "b.zip", redact=True)
    assert verify_bundle(tmp_path / "b.zip").wrong == []
    with zipfile.ZipFile(tmp_path / "b.zip") as bundle:
        data = bundle.read(PACKETS)
        events = bundle.read("runs/run-1/events.jsonl")
    (tmp_path / PACKETS).write_bytes(data)
    version = "ipv6" if v6 else "ip"
    fields = (f"{version}.src", f"{version}.dst", "tcp.checksum.status", "tcp.seq_raw",
              "frame.comment", "ip.checksum.status")  # fmt: skip
    told = read_by_tshark(tmp_path / PACKETS, *fields, options=CHECKED)
    sources = {one[0] for one in told}
    begin = "2001:db8::" if v6 else "198.18.0."
    assert len(sources) == 2
    assert all(one.startswith(begin) for one in sources)
    assert sources.isdisjoint({LOCAL6[0], REMOTE6[0]})
    assert {one[2] for one in told} == {GOOD}
    assert told[1][3:5] == (
        "1000",
        "session 1, reset, TTL 63 where the endpoint's packets carry 54",
    )
    assert {one[5] for one in told} == {"" if v6 else GOOD}
    raw = bytes.fromhex("cb007102") if not v6 else bytes.fromhex("20010db8000100000000000000000002")
    assert raw not in data
    assert raw.hex().encode() not in events


@pytest.mark.slow
def test_icmp_errors_are_in_it_with_their_words(tmp_path):
    packet = icmp(3, 1)
    stamp = Stamp(S, 1_800_000_001 * S, "tun0", outgoing=False)
    found = sketch(packet, outgoing=False)
    assert found is not None
    error = read_icmp(found.headers, stamp)
    packets = FlowPackets(icmp=[error])
    story = story_with(packets, kind=Kind.UNREACHABLE, origin=False)
    told = read_by_tshark(capture_of(story, tmp_path), "frame.comment", "icmp.type", "ip.src")
    assert told[0][0].startswith("session 1: ICMP, ")
    assert told[0][1:] == (str(error.type), error.offender)


def test_a_bundle_of_a_run_without_packets_has_no_such_file(tmp_path):
    story = Story([VPN], 1)
    story.drops(story.opens(VPN, 0), 9)
    write_evidence([story.recorded(tmp_path / "run")], None, tmp_path / "b.zip", redact=False)
    with zipfile.ZipFile(tmp_path / "b.zip") as bundle:
        assert PACKETS not in bundle.namelist()
    assert verify_bundle(tmp_path / "b.zip").wrong == []


@pytest.mark.slow
def test_what_a_hand_wrote_is_written_without_a_traceback(tmp_path):
    odd = replace(flow().ends[0], raw="45", ip_id=None, length=2**62, unix_ns=-5, flags="?")
    story = story_with(FlowPackets(ends=[odd]), origin=False)
    assert len(read_by_tshark(capture_of(story, tmp_path), "frame.number")) == 1


@pytest.mark.slow
def test_the_last_segments_are_in_it_and_none_twice(tmp_path):
    packets = flow()
    data = [
        seen(outgoing("PA", payload=b"ping" * 5), 7, sent=True),
        seen(incoming("A"), 8),
        packets.ends[0],
    ]
    path = capture_of(story_with(replace(packets, last=data)), tmp_path)
    assert [one[0] for one in read_by_tshark(path, "frame.comment")] == [
        "session 1: SYN-ACK",
        "session 1: sent, 20 bytes of data",
        "session 1: received, 0 bytes of data",
        "session 1, reset, TTL 63 where the endpoint's packets carry 54",
        "session 1: FIN of this host",
    ]
