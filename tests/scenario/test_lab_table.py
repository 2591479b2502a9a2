"""The lab's plan goes to its process as JSON."""

import msgspec
import pytest

from stresser.model.kill import Kill
from stresser.scenario.lab_table import LabAddress, LabEndpoint, LabReady, Middlebox
from stresser.scenario.plain import to_plain


def test_a_middlebox_with_no_key_only_forwards():
    assert to_plain(Middlebox()) == {"kill": "reset", "on_client_hello": False, "intercept": False}


def test_the_ready_line_reads_back():
    ready = LabReady(
        pid=1,
        ca_file="a",
        inspection_ca_file="b",
        server_name="lab",
        addresses=[LabAddress(endpoint="e", egress=None, host="127.0.0.1", port=1)],
    )
    assert msgspec.json.decode(msgspec.json.encode(ready), type=LabReady) == ready


def test_an_unknown_key_of_a_middlebox_is_refused():
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"idle": 1}', type=Middlebox, dec_hook=lambda _, value: value)


def test_the_ways_to_kill():
    assert list(Kill) == ["reset", "fin", "silent"]
    assert LabEndpoint(name="e", scheme="wss", behaviour="echo").argument == ""
