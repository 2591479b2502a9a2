"""Which endings are drops."""

import pytest

from stresser.model.ending import Ending, Grade, Initiator, Kind, Phase


def ending(phase, *, planned):
    return Ending(
        phase=phase,
        kind=Kind.TCP_RESET,
        failure="connection_reset",
        initiator=Initiator.UNKNOWN,
        grade=Grade.ERRNO,
        planned=planned,
        age_ns=2,
        idle_ns=1,
        alive_at_ns=1,
        dead_by_ns=2,
        detected_at_ns=2,
    )


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("planned", [True, False])
def test_only_an_unplanned_ending_of_a_held_session_is_a_drop(phase, planned):
    assert ending(phase, planned=planned).is_drop == (phase is Phase.HELD and not planned)


def test_grades_are_listed_weakest_first():
    assert list(Grade) == ["errno", "tcp_info", "packet", "comparison", "reflector"]
