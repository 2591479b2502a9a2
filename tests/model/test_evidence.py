"""Evidence is typed: what has no field cannot be written, what is absent takes no room."""

import msgspec
import pytest

from stresser.model.evidence import NO_EVIDENCE, Evidence, SeenPathChange, SiblingAlive
from stresser.model.path_change import PathChange


def test_what_is_absent_takes_no_room():
    assert msgspec.json.encode(NO_EVIDENCE) == b"{}"
    assert msgspec.json.encode(Evidence(why=["tool-limit"])) == b'{"why":["tool-limit"]}'


def test_it_reads_back():
    evidence = Evidence(
        since_sent_ns=5,
        close="answered",
        sibling=SiblingAlive(session=3, egress="vpn", answered_ns=7),
        path_changes=[SeenPathChange(t_ns=1, change=PathChange.LINK_DOWN, is_tunnel=True)],
    )
    assert msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence) == evidence


def test_a_key_that_is_none_of_its_fields_is_a_mistake():
    with pytest.raises(TypeError, match="pathchanges"):
        Evidence(pathchanges=[])  # type: ignore[call-arg] # mypy says so as well


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "5", 1.5])
def test_a_time_is_a_bounded_whole_number(value):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"since_sent_ns": value}, Evidence)
