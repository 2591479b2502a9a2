import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from stresser.cli.lab import lab as lab_command
from stresser.cli.lab import lab_scenario_text
from stresser.lab.behaviours import parse_behaviour
from stresser.model.errors import StresserError
from stresser.scenario.decode import decode_scenario
from stresser.scenario.lab_table import LabAddress, LabReady
from tests.cli.in_process import stresser_says
from tests.lab.plain_client import CLOSE, RST, PlainClient, client_context

OPTIONS = ["--idle-timeout", "150ms", "--kill", "reset", "--behaviour", "ws-close/1001@10ms"]


def started(*options):
    # Rich cuts lines to the width of a terminal that it cannot see.
    return subprocess.Popen(
        [sys.executable, "-m", "stresser", "lab", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "120"},
    )


@pytest.fixture
def lab():
    running = []

    def start(*options):
        running.append(started(*options))
        return running[-1]

    yield start
    for process in running:
        process.terminate()  # in order: it has a folder to remove
        process.wait(10)
        process.stdout.close()
        process.stderr.close()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_json_lines_tell_addresses_and_kills_until_ctrl_c(lab, ending):
    process = lab("--json", *OPTIONS)
    ready = json.loads(process.stdout.readline())
    ports = {(one["endpoint"], one["egress"]): one["port"] for one in ready["addresses"]}
    names = {"wss-echo", "tls-echo", "ws-close/1001@10ms"}
    assert {(name, egress) for name in names for egress in (None, "middlebox")} == set(ports)
    context = client_context(ready["ca_file"])
    with PlainClient(ports["wss-echo", "middlebox"], context=context) as client:
        client.handshake().upgrade().ping()
        assert isinstance(client.read_end(), RST)
        kill = json.loads(process.stdout.readline())
        assert (kill["rule"], kill["client_port"]) == ("idle_timeout", client.port)
    with PlainClient(ports["ws-close/1001@10ms", None], context=context) as client:
        assert client.handshake().upgrade().next_frame() == (0x80 | CLOSE, b"\x03\xe9")
    process.send_signal(ending)
    assert process.wait(10) == 0
    assert process.stderr.read() == b""


@pytest.mark.slow
def test_what_is_printed_is_where_it_serves(lab):
    process = lab("--idle-timeout", "150ms", "--kill", "fin", "--intercept")
    told: list[str] = []
    while not told or not told[-1].startswith("Ctrl-C"):
        told.append(process.stdout.readline().decode())
    row = next(line for line in told if line.startswith("tls-echo"))
    direct, boxed = (int(url.rpartition(":")[2]) for url in row.split()[1:])
    with PlainClient(direct) as client:
        client.handshake()
    ca_file = next(line for line in told if line.startswith("CA of an inter")).split()[-1]
    with PlainClient(boxed, context=client_context(ca_file)) as client:
        client.handshake()
        client.read_end()
        kill = process.stdout.readline().decode()
        assert f"idle_timeout: fin to port {client.port} " in kill


def test_the_scenario_it_prints_is_one():
    addresses = [
        LabAddress(endpoint="wss-echo", egress=egress, host="127.0.0.1", port=port)
        for egress, port in ((None, 1), ("middlebox", 2))
    ]
    ready = LabReady(
        pid=1,
        ca_file='C:\\odd "folder"\\lab-ca.pem',
        inspection_ca_file="x",
        server_name="echo.lab.test",
        addresses=addresses,
    )
    scenario = decode_scenario(
        lab_scenario_text(ready).encode(), "lab.toml", (), check_lab=parse_behaviour
    )
    assert [one.url for one in scenario.endpoints] == ["wss://127.0.0.1:1/", "wss://127.0.0.1:2/"]
    assert {one.ca for one in scenario.endpoints} == {ready.ca_file}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"idle_timeout": "soon"}, '--idle-timeout: "soon" is not a duration'),
        ({"byte_limit": "4s"}, '--byte-limit: "4s" is not a size'),
        ({"behaviour": ["ecko"]}, "knows no behaviour"),
        ({"behaviour": ["tls://deaf"]}, "lab+tls knows no behaviour"),
        ({"behaviour": ["ftp://x"]}, "wss, tls, ws or tcp"),
        ({"behaviour": ["tls-echo"]}, "knows no behaviour"),
    ],
)
def test_bad_options_are_one_clear_line_each(options, said):
    with pytest.raises(StresserError) as caught:
        lab_command(**options)
    assert caught.value.exit_code == 2
    assert [said in line for line in caught.value.lines].count(True) == 1


def test_a_bad_option_ends_the_command_without_a_traceback():
    code, _, errors = stresser_says("lab", "--delay", "soon")
    assert code == 2
    assert len(errors.splitlines()) == 1


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_bug():
    reader, writer = socket.socketpair()
    reader.close()
    with writer:
        process = subprocess.Popen(
            [sys.executable, "-m", "stresser", "lab", "--json"],
            stdout=writer.fileno(),
            stderr=subprocess.PIPE,
        )
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, b"")
