"""`tls_keys = true`: a capture of the run can be read, and the keys are in one file alone."""

import signal
import sys
import zipfile
from pathlib import Path

import pytest

from tests.cli.in_process import stresser_says
from tests.cli.run_process import ROOT, scenario_text
from tests.fakes.tools import root, tool
from tests.netlab.namespaces import Namespaces
from tests.netlab.recording import Recording
from tests.netlab.wait import until
from tests.record.test_pcapng import read_by_tshark

pytestmark = pytest.mark.slow
WITH_KEYS = "\n[record]\ntls_keys = true\n"
PATIENCE_S = 60.0
MARK = b"all before this is in the capture"
SEND_MARK = f"""
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto({MARK!r}, ("127.0.0.1", 9))
"""
CLOSING = 'name = "bye"\nurl = "lab+wss://ws-close/1013@500ms"'


def secrets_of(log: Path) -> set[str]:
    lines = [line.split() for line in log.read_text().splitlines() if not line.startswith("#")]
    assert {len(line) for line in lines} == {3}
    return {line[2] for line in lines}


def test_keys_are_in_one_file_and_nowhere_else(start, tmp_path):
    run = start(scenario_text() + WITH_KEYS)
    code, out, err = run.finish()
    assert code == 0, err
    keys = run.folder / "tls_keys.log"
    found = secrets_of(keys)
    assert keys.stat().st_mode & 0o777 == 0o600
    assert "passwords" in err.partition("state=ended")[0]
    texts = [out.encode(), err.encode()]
    texts += [one.read_bytes() for one in run.folder.rglob("*") if one.is_file() and one != keys]
    for redact in ((), ("--redact",)):
        bundle = tmp_path / "b.zip"
        said = stresser_says("report", str(run.folder), "--bundle", str(bundle), *redact)
        assert said.code == 0, said.err
        texts += [said.out, said.err.encode()]
        with zipfile.ZipFile(bundle) as files:
            assert not [name for name in files.namelist() if "keys" in name]
            texts += [files.read(name) for name in files.namelist()]
    for key in found:
        assert not any(key.encode() in text for text in texts)


def test_no_keys_are_kept_unless_asked_for(start):
    run = start(scenario_text(duration="500ms"), SSLKEYLOGFILE="/nowhere/keys")
    code, _, err = run.finish()
    assert (code, "keys" in err) == (0, False)
    assert not (run.folder / "tls_keys.log").exists()


def test_tshark_reads_the_close_frame_that_ended_a_session(tmp_path):
    """In a namespace of its own: nobody else's packets are in the capture."""
    root()
    tool("tshark")
    (tmp_path / "k.toml").write_text(
        scenario_text(endpoints=CLOSING).replace('name = "box"', 'name = "other"').replace(
            'lab = { age_limit = "700ms", kill = "reset" }', ""
        )
        + WITH_KEYS
    )  # fmt: skip
    capture, results = tmp_path / "all.pcap", tmp_path / "results"
    with Namespaces(tmp_path) as namespaces:
        there = namespaces.add("keys")
        tcpdump = there.start(
            "tcpdump", tool("tcpdump"), "-i", "lo", "-n", "-U", "-Z", "root", "-B", "65536",
            "--immediate-mode", "-w", str(capture), "tcp or udp",
        )  # fmt: skip
        tcpdump.wait_until_says("listening on")
        run = there.start(
            "stresser", sys.executable, "-m", "stresser", "run", str(tmp_path / "k.toml"),
            "--out", str(results), "--quiet", environment={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert run.wait(PATIENCE_S) == 0, run.said()
        there.run(sys.executable, "-c", SEND_MARK)
        until(lambda: MARK in capture.read_bytes(), "our mark in the capture", PATIENCE_S)
        tcpdump.stop(signal.SIGINT)
    (folder,) = results.iterdir()
    events = Recording(folder).events()
    ended = {"ws_close": set[str](), "planned": set[str]()}
    for one in events:
        if one["event"] == "session_ended":
            ended[one["kind"]].add(one["local"].rpartition(":")[2])
    read = ("-o", f"tls.keylog_file:{folder / 'tls_keys.log'}")
    closes = ("-Y", "websocket.payload.close.status_code == 1013 and websocket.mask == 0")
    status = "websocket.payload.close.status_code"
    found = read_by_tshark(capture, status, "tcp.dstport", options=(*read, *closes))
    assert {code for code, _ in found} == {"1013"}
    # A close that crossed the run's own end is in the capture alone.
    ports = {port for _, port in found} - ended["planned"]
    assert ports == ended["ws_close"]
    assert len(ports) >= 6
    assert read_by_tshark(capture, status, options=closes) == []
