"""Two sides of made-up runs, for the tests of comparisons."""

from random import Random

from stresser.analysis.compare.run_facts import read_run_facts
from stresser.analysis.compare.sides import make_side
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
):
    """Incidents at irregular moments on both egresses; each kills `size` sessions at once.

    Ages and silences are all different, so that no timer is seen in them.
    """
    random = Random(direct * 1000 + vpn)  # noqa: S311 - made-up moments, the same each time
    cohorts = [Cohort(endpoint, egress, "heartbeat") for egress in ("direct", "vpn")]
    story = story or Story(cohorts, sessions)
    for cohort, incidents in zip(cohorts, (direct, vpn), strict=True):
        tls = vpn_tls if cohort.egress == "vpn" else GOOD_CHAIN
        # Egresses take turns, so that no moment is shared by chance.
        shift = 0.1 if cohort.egress == "vpn" else 0.6
        length = hours * HOUR / (incidents + 1)
        moments = [length * (n + shift + random.uniform(0, 0.3)) for n in range(incidents)]
        _held(story, cohort, tls, sessions, size, moments, hours * HOUR, random)
    return story


def _held(story, cohort, tls, sessions, size, moments, until, random):
    open_now = [story.opens(cohort, random.uniform(1, 10), tls) for _ in range(sessions)]
    for at in moments:
        for number, seat in enumerate(random.sample(range(sessions), size)):
            idle = random.uniform(0.1, 14)
            evidence = {"since_sent_ns": seconds(idle), "idle_before_send_ns": seconds(0.1)}
            story.drops(open_now[seat], at + 0.01 * number, idle=idle, evidence=evidence)
            open_now[seat] = story.opens(cohort, at + random.uniform(1, 9), tls)
    for session in open_now:
        story.ends_as_planned(session, until)


def silent_story(vpn=20, *, silence=300.0, **opened):
    """Silent sessions through the VPN that an idle timer ends one by one; none direct."""
    random = Random(vpn)  # noqa: S311 - made-up moments, the same each time
    story = Story([DIRECT, VPN], vpn)
    story.ends_as_planned(story.opens(DIRECT, 1), 2 * HOUR)
    for _ in range(vpn):
        at, age = random.uniform(1, HOUR), silence + random.uniform(300, 1200)
        fatal = silence + random.uniform(0, 0.01 * silence)
        evidence = {"since_sent_ns": seconds(fatal), "idle_before_send_ns": 0}
        story.drops(story.opens(VPN, at, **opened), at + age, idle=fatal, evidence=evidence)
    return story


def recorded_sides(tmp_path, story, hours=2.0):
    """Both egresses of one recorded run."""
    story.events.sort(key=lambda event: event.t_ns)
    story.stops(hours * HOUR)
    facts = read_run_facts(story.recorded(tmp_path / "20261123T000000Z-made-up"))
    return make_side("direct", [facts], "direct"), make_side("vpn", [facts], "vpn")


__all__ = [
    "BAD_CHAIN",
    "DIRECT",
    "HOUR",
    "VPN",
    "Quantity",
    "incident_story",
    "recorded_sides",
    "silent_story",
]
