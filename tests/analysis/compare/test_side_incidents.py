from stresser.analysis.compare.side_incidents import incidents_of
from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.patterns.scopes import Variable
from stresser.analysis.patterns.session_lives import Lives
from tests.analysis.sides_story import HOUR, VPN, incident_story
from tests.analysis.story import SCENARIO, idle_kill_story, seconds


def incidents(story, until):
    plan = read_plan(SCENARIO)
    lives = Lives(plan)
    for event in story.events:
        lives.event(event)
    lives.close(seconds(until))
    return incidents_of(lives, plan)


def test_every_drop_is_in_one_incident():
    found = incidents(incident_story(direct=3, vpn=8, size=3), 2 * HOUR)
    assert [len(incident.drops) for incident in found] == [3] * 11
    sessions = [drop.session for incident in found for drop in incident.drops]
    assert len(sessions) == len(set(sessions)) == 33
    assert [incident.at_ns for incident in found] == sorted(one.at_ns for one in found)
    assert sum(incident.drops[0].cohort == VPN for incident in found) == 8


def test_what_a_timer_made_is_one_by_one_and_names_it():
    found = incidents(idle_kill_story(), 60)
    assert len(found) == 20
    assert {len(incident.drops) for incident in found} == {1}
    [timer] = {incident.timer for incident in found}
    assert timer is not None
    assert timer.variables[0] is Variable.IDLE
    assert timer.bracket.low < seconds(4.1)
    assert timer.bracket.high > seconds(3.9)


def test_without_drops_there_is_no_incident():
    assert incidents(incident_story(0, 0), 2 * HOUR) == []
