"""Two sides of made-up runs, for the tests of comparisons."""

from stresser.analysis.run_facts import read_run_facts
from stresser.analysis.sides import make_side
from stresser.model.cohort import Cohort
from stresser.model.quantity import Quantity
from tests.analysis.story import BAD_CHAIN, DIRECT, GOOD_CHAIN, VPN, Story, seconds

HOUR = 3600.0


def incident_story(
    direct=3,
    vpn=20,
    *,
    size=1,
    sessions=4,
    hours=2.0,
    vpn_tls=GOOD_CHAIN,
    endpoint="broker",
    story=None,
    silence=40.0,
    egresses=("direct", "vpn"),
):
    """Incidents at equal distances on both egresses; each kills `size` sessions at once."""
    until = hours * HOUR
    cohorts = [Cohort(endpoint, egress, "heartbeat") for egress in egresses]
    story = story or Story(cohorts, sessions)
    for cohort, incidents in zip(cohorts, (direct, vpn), strict=True):
        tls = vpn_tls if cohort.egress == egresses[-1] else GOOD_CHAIN
        # The sides take turns, so that no moment is shared by chance.
        shift = 0.3 if cohort.egress == egresses[-1] else 0.6
        moments = [until * (number + shift) / (incidents + 1) for number in range(incidents)]
        _held(story, cohort, tls, sessions, size, moments, until, silence)
    return story


def _held(story, cohort, tls, sessions, size, moments, until, silence):
    open_now = [story.opens(cohort, 1 + seat * 0.01, tls) for seat in range(sessions)]
    for at in moments:
        evidence = {"since_sent_ns": seconds(0.01), "idle_before_send_ns": seconds(silence)}
        for seat in range(size):
            story.drops(open_now[seat], at + 0.01 * seat, idle=silence, evidence=evidence)
            open_now[seat] = story.opens(cohort, at + 1, tls)
    for session in open_now:
        story.ends_as_planned(session, until)


def recorded_sides(tmp_path, story, hours=2.0):
    """Both egresses of one recorded run."""
    story.events.sort(key=lambda event: event.t_ns)
    story.stops(hours * HOUR)
    facts = read_run_facts(story.recorded(tmp_path / "20261123T000000Z-made-up"))
    return make_side("direct", [facts], "direct"), make_side("vpn", [facts], "vpn")


__all__ = ["BAD_CHAIN", "DIRECT", "HOUR", "VPN", "Quantity", "incident_story", "recorded_sides"]
