"""The lab's hub, spoken to by a client that is not ours."""

import json

import pytest

from tests.lab.lab_child import LabChild, endpoint
from tests.lab.plain_client import CLOSE, TEXT, PlainClient

HANDSHAKE = '{"protocol":"json","version":1}\x1e'


@pytest.fixture(scope="module")
def lab():
    with LabChild(
        {"endpoints": [endpoint("wss://hub", None), endpoint("wss://hub/20ms")]}
    ) as child:
        yield child


def talked(lab, url, *messages, answers):
    with PlainClient(lab.port(url)) as client:
        client.handshake()
        client.upgrade()
        for message in messages:
            client.send_frame(TEXT, message.encode())
        return [client.next_frame() for _ in range(answers)]


def text(record):
    return 0x80 | TEXT, record.encode() + b"\x1e"


def test_an_invocation_is_answered_by_its_number_and_argument(lab):
    asked = {"type": 1, "invocationId": "7", "target": "Echo", "arguments": ["x"]}
    frames = talked(lab, "wss://hub", HANDSHAKE, json.dumps(asked) + "\x1e", answers=2)
    assert frames == [text("{}"), text('{"type":3,"invocationId":"7","result":"x"}')]


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("hello", "Handshake was canceled."),
        ("[]\x1e", "Handshake was canceled."),
        ('{"protocol":"mp","version":1}\x1e', "The protocol 'mp' is not supported."),
    ],
)
def test_who_begins_otherwise_hears_why_and_is_closed(lab, message, problem):
    said, closed = talked(lab, "wss://hub", message, answers=2)
    assert said == text(json.dumps({"error": problem}, separators=(",", ":")))
    assert closed == (0x80 | CLOSE, b"\x03\xe8")


def test_it_pings_and_answers_none(lab):
    frames = talked(lab, "wss://hub/20ms", HANDSHAKE, '{"type":6}\x1e', "no JSON\x1e", answers=3)
    assert frames == [text("{}"), text('{"type":6}'), text('{"type":6}')]
