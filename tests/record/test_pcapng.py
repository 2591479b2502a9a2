"""Files of packets, read back by tshark, which knows nothing of us."""

import io
import subprocess

import pytest

from stresser.record.pcapng import PcapngWriter
from tests.fakes.tools import tool
from tests.witness.made_packets import incoming, outgoing

NS = 1_800_000_000_123_456_789


def written(*packets):
    file = io.BytesIO()
    writer = PcapngWriter(file, "stresser 0")
    for packet in packets:
        fields = {"unix_ns": NS, "interface": "eth0", "outgoing": False, "comment": ""}
        writer.packet(**(fields | packet))
    return file.getvalue()


def read_by_tshark(path, *fields, options=()):
    """One tuple a packet."""
    command = [tool("tshark"), "-n", "-r", str(path), *options, "-T", "fields", "-E", "separator=|"]
    command += [word for field in fields for word in ("-e", field)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    return [tuple(line.split("|")) for line in done.stdout.splitlines()]


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "a.pcapng"
    path.write_bytes(
        written(
            {"data": incoming("SA"), "comment": "session 1: SYN-ACK"},
            {"data": outgoing("R", v6=True), "outgoing": True, "interface": "tun0 ü"},
            {"data": incoming("FA")[:40], "length": 1500, "unix_ns": NS + 1, "comment": "x" * 9999},
        )
    )
    fields = ("frame.time_epoch", "frame.interface_name", "frame.packet_flags_direction",
              "frame.len", "frame.cap_len", "frame.comment", "tcp.flags.str")  # fmt: skip
    first, second, third = read_by_tshark(path, *fields)
    assert first[:3] == ("1800000000.123456789", "eth0", "0x00000001")
    assert first[5] == "session 1: SYN-ACK"
    assert second[:3] == ("1800000000.123456789", "tun0 ü", "0x00000002")
    assert "R" in second[6]
    assert third[0] == "1800000000.123456790"
    assert third[3:6] == ("1500", "40", "x" * 2000)


@pytest.mark.slow
def test_an_empty_file_is_a_file(tmp_path):
    (tmp_path / "a.pcapng").write_bytes(written())
    assert read_by_tshark(tmp_path / "a.pcapng", "frame.number") == []


def test_each_interface_is_described_once_and_blocks_fit_their_lengths():
    data = written({"data": b"\x45"}, {"data": b"\x45"}, {"data": b"", "interface": "b"})
    kinds, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        assert size % 4 == 0
        assert data[at + size - 4 : at + size] == data[at + 4 : at + 8]
        kinds.append(int.from_bytes(data[at : at + 4], "little"))
        at += size
    assert kinds == [0x0A0D0D0A, 1, 6, 6, 1, 6]
