import json
import threading

import msgspec
import pytest

from stresser.lab import messages
from stresser.lab.messages import (
    KillRecord,
    KillsLost,
    LineWriter,
    decode_kill,
    decode_plan,
    decode_ready,
    encode_message,
)
from stresser.model.errors import LabError
from stresser.model.kill import Kill
from stresser.model.units import Duration, Size
from stresser.scenario.lab_table import LabEndpoint, LabPlan, LabReady, LabRoute, Middlebox

PLAN = LabPlan(
    endpoints=[LabEndpoint(name="a", scheme="wss", behaviour="echo")],
    middleboxes={
        "box": Middlebox(kill=Kill.FIN, idle_timeout=Duration(4), byte_limit=Size(5), delay=None)
    },
    routes=[LabRoute(egress="box", endpoint="a")],
)
READY = LabReady(pid=1, ca_file="a", inspection_ca_file="b", server_name="c", addresses=[])


def record(port=1):
    return KillRecord(
        kill=Kill.RESET,
        rule="idle_timeout",
        egress="box",
        endpoint="echo",
        client_port=port,
        at_unix_ns=2,
        idle_ns=3,
    )


def test_a_plan_comes_back_as_it_went():
    again = decode_plan(encode_message(PLAN))
    assert again == PLAN
    assert type(again.middleboxes["box"].idle_timeout) is Duration
    assert type(again.middleboxes["box"].byte_limit) is Size


def test_durations_may_be_written_as_in_a_scenario():
    plan = decode_plan(b'{"middleboxes": {"box": {"idle_timeout": "4s", "byte_limit": "1KiB"}}}')
    assert plan.middleboxes["box"].idle_timeout == 4_000_000_000
    assert plan.middleboxes["box"].byte_limit == 1024


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"endpoints": [{}]}',
        b'{"middleboxes": {"box": {"idle_timeout": "soon"}}}',
        b'{"middleboxes": {"box": {"idle_timeout": -1}}}',
        b'{"middleboxes": {"box": {"idle_timeout": true}}}',
        b'{"middleboxes": {"box": {"idle_timeuot": "4s"}}}',
    ],
)
def test_what_is_no_plan_is_refused(line):
    with pytest.raises(LabError, match="cannot read its plan"):
        decode_plan(line)


def test_ready_and_kills_come_back_as_they_went():
    assert decode_ready(encode_message(READY)) == READY
    assert decode_kill(encode_message(record())) == record()
    assert decode_kill(encode_message(KillsLost(kills_lost=7))) == KillsLost(kills_lost=7)
    with pytest.raises(LabError):
        decode_ready(b"Traceback (most recent call last):")
    with pytest.raises(LabError):
        decode_kill(b"{}")


def test_a_kill_line_has_the_documented_keys():
    assert json.loads(encode_message(record())) == {
        "kill": "reset",
        "rule": "idle_timeout",
        "egress": "box",
        "endpoint": "echo",
        "client_port": 1,
        "at_unix_ns": 2,
        "idle_ns": 3,
    }


def test_lines_go_out_in_order_and_all_of_them():
    lines: list[bytes] = []
    writer = LineWriter(lines.append)
    for port in range(100):
        writer.put(record(port))
    writer.close()
    assert [decode_kill(line) for line in lines] == [record(port) for port in range(100)]


def test_a_reader_that_does_not_read_stalls_nobody_and_losses_are_told(monkeypatch):
    monkeypatch.setattr(messages, "_WAITING_KILLS", 10)
    may_go, lines = threading.Event(), []
    writing = threading.Event()

    def write(line):
        writing.set()
        assert may_go.wait(10)
        lines.append(line)

    writer = LineWriter(write)
    writer.put(record(0))
    assert writing.wait(10)
    for port in range(1, 100):
        writer.put(record(port))  # returns, though nothing goes out
    may_go.set()
    while len(lines) < 11:  # what waited has gone
        assert writer._thread.is_alive()
    writer.put(record(100))
    writer.close()
    told = [decode_kill(line) for line in lines]
    assert told[:11] == [record(port) for port in range(11)]
    assert told[11:] == [KillsLost(kills_lost=89), record(100)]


def test_a_broken_pipe_ends_the_writing_quietly():
    def write(_):
        raise BrokenPipeError

    writer = LineWriter(write)
    writer.put(record())
    writer._thread.join(10)
    assert not writer._thread.is_alive()
    writer.put(record())
    writer.close()


def test_msgspec_would_not_write_durations_by_itself():
    # The reason for encode_message's hook; when this fails the hook can go.
    with pytest.raises(TypeError):
        msgspec.json.encode(PLAN)
