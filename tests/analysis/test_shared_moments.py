from stresser.analysis.cohort_sessions import SideDrop
from stresser.analysis.shared_moments import incidents_of
from stresser.model.ending import Initiator, Kind
from tests.analysis.story import VPN, seconds


def drop(at, kind=Kind.TCP_RESET, alive=None, session=1):
    alive_ns = seconds(at - 5 if alive is None else alive)
    return SideDrop(VPN, session, alive_ns, seconds(at), kind, Initiator.UNKNOWN, None)


def sizes(*drops):
    return [len(incident.drops) for incident in incidents_of(drops)]


def test_a_drop_alone_is_an_incident_of_one():
    assert sizes(drop(10), drop(20), drop(30)) == [1, 1, 1]


def test_announced_drops_within_a_fifth_of_a_second_share_a_moment():
    assert sizes(drop(10), drop(10.1), drop(10.19), drop(10.5)) == [3, 1]


def test_a_silent_drop_shares_the_moment_that_lies_in_its_bracket():
    silent = drop(28, Kind.UNRESPONSIVE, alive=9)
    assert sizes(drop(10), silent) == [2]
    assert sizes(drop(8), silent) == [1, 1]


def test_silent_drops_share_a_moment_when_their_brackets_meet():
    first, second = drop(20, Kind.SILENCE, alive=8), drop(30, Kind.SILENCE, alive=15)
    third = drop(33, Kind.SILENCE, alive=21)
    [together, alone] = incidents_of([third, first, second])
    assert [one.dead_by_ns for one in together.drops] == [seconds(20), seconds(30)]
    assert together.at_ns == seconds(20)
    assert alone.drops == (third,)


def test_a_wide_bracket_gathers_no_more_than_its_last_seconds():
    assert sizes(drop(10), drop(300, Kind.SILENCE, alive=1)) == [1, 1]


def test_without_drops_there_is_no_incident():
    assert incidents_of([]) == []
