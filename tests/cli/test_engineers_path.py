"""A network engineer's path: a bundle, unzip, tshark: the packet of each drop by its comment."""

import zipfile

import pytest

from tests.cli.in_process import stresser_says
from tests.cli.run_process import scenario_text
from tests.fakes.tools import root, tool
from tests.record.test_pcapng import read_by_tshark

pytestmark = pytest.mark.slow


def endings(run):
    events = [one for one in run.events() if one["event"] == "session_ended"]
    return {one["session"]: one for one in events if one["is_drop"]}


@pytest.mark.parametrize("how", ["plain", "redacted"])
def test_the_packet_of_each_drop_is_found(start, tmp_path, how):
    root()
    tool("tshark")
    run = start(scenario_text(duration="2500ms"))
    code, _, err = run.finish()
    assert code == 0, err
    drops = endings(run)
    assert len(drops) >= 6
    bundle = tmp_path / "b.zip"
    options = ["--redact"] if how == "redacted" else []
    assert stresser_says("report", str(run.folder), "--bundle", str(bundle), *options).code == 0
    with zipfile.ZipFile(bundle) as files:
        files.extract("drops.pcapng", tmp_path)
    for number, drop in drops.items():
        found = read_by_tshark(
            tmp_path / "drops.pcapng", "tcp.flags.reset", "tcp.dstport", "tcp.srcport", "ip.ttl",
            "frame.time_epoch", "frame.comment",
            options=("-Y", f'frame.comment contains "session {number}, "'),
        )  # fmt: skip
        origin = drop["evidence"]["origin"]
        [(reset, port, far, ttl, at, comment)] = found
        assert reset in {"1", "True"}
        assert port == drop["local"].rpartition(":")[2]
        assert far == drop["remote"].rpartition(":")[2]
        assert int(ttl) == origin["ttl"]
        assert comment.startswith(f"session {number}, reset, TTL {ttl}")
        [seen] = [
            one for one in drop["evidence"]["packets"]["ends"] if one["t_ns"] == origin["t_ns"]
        ]
        assert int(at.replace(".", "")) == seen["unix_ns"]
