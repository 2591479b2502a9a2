import pytest

from stresser.analysis.compare.sides import Held, make_side
from tests.analysis.sides_story import HOUR, incident_story, recorded_sides


@pytest.fixture
def sides(tmp_path):
    return recorded_sides(tmp_path, incident_story(direct=3, vpn=20, size=2))


def test_a_side_adds_up_what_its_cohorts_held(sides):
    direct, vpn = sides
    assert direct.egresses == ["direct"]
    assert direct.drops == 6
    assert vpn.drops == 40
    assert direct.session_hours == pytest.approx(8, rel=0.01)
    assert direct.clock_hours == pytest.approx(2)
    assert direct.held == {Held("broker", "heartbeat")}
    assert direct.tally.opened == 10


def test_an_incident_belongs_to_each_side_that_it_touched(sides):
    direct, vpn = sides
    assert [len(one.drops) for one in direct.incidents().values()] == [2] * 3
    assert [len(one.drops) for one in vpn.incidents().values()] == [2] * 20
    assert not direct.incidents().keys() & vpn.incidents().keys()


def test_blocks_share_out_incidents_and_session_time(sides):
    _, vpn = sides
    blocks = vpn.blocks(5)
    assert len(blocks) == 5
    assert sum(block.incidents for block in blocks) == 20
    assert sum(block.session_hours for block in blocks) == pytest.approx(vpn.session_hours)
    assert {block.incidents for block in blocks} <= {3, 4, 5}


def test_a_side_of_no_cohort_held_nothing(sides):
    direct, _ = sides
    nothing = direct.of([])
    assert nothing.session_hours == 0
    assert nothing.incidents() == {}
    assert nothing.held == frozenset()


def test_without_an_egress_a_side_is_the_whole_run(sides):
    whole = make_side("night", [sides[0].parts[0].facts], None)
    assert whole.egresses == ["direct", "vpn"]
    assert whole.drops == 46


def test_several_runs_are_one_side_and_each_is_cut_into_blocks(sides):
    facts = sides[1].parts[0].facts
    both = make_side("two nights", [facts, facts], "vpn")
    assert both.clock_hours == pytest.approx(4)
    assert both.drops == 80
    assert len(both.blocks(6)) == 6
    assert len(both.blocks(1)) == 2
    assert facts.elapsed_ns == round(2 * HOUR * 1e9)
