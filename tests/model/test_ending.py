"""The words of an ending are closed lists."""

from stresser.model.ending import BRACKETED, Grade, Kind, NoDrop


def test_grades_are_listed_weakest_first():
    assert list(Grade) == ["errno", "tcp_info", "packet", "comparison", "reflector"]


def test_an_ending_that_nobody_announced_has_no_moment():
    assert {Kind.SILENCE, Kind.FOUND_DEAD} < BRACKETED
    assert not BRACKETED & {Kind.TCP_RESET, Kind.TCP_FIN, Kind.WS_CLOSE, Kind.PLANNED}


def test_the_reasons_for_no_drop_are_the_closed_list():
    assert set(NoDrop) == {"planned", "host_slept", "host_unfit", "tool"}
