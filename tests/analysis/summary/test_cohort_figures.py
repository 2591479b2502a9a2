"""Figures of one cohort and of one ending."""

from stresser.analysis.counts.cohort_tally import CohortTally
from stresser.analysis.summary.cohort_figures import cohort_figures, last_ending, span_figures
from stresser.model.events import AttemptFailed, SessionEnded, SessionOpened
from stresser.statistics.sample_range import SampleRange
from tests.analysis.story import VPN, Story, seconds


def test_a_cohort():
    story = Story([VPN], 1)
    story.drops(story.opens(VPN, 0), 5)
    story.fails(VPN, 6)
    tally = CohortTally()
    for event in story.events:
        match event:
            case SessionOpened():
                tally.session_opened(event)
            case SessionEnded():
                tally.session_ended(event)
            case AttemptFailed():
                tally.attempt_failed(event)
    figures = cohort_figures(VPN, tally, seconds(10), {}, 1)
    assert (figures.endpoint, figures.egress, figures.activity) == ("broker", "vpn", "heartbeat")
    assert (figures.attempts, figures.attempts_failed, figures.drops) == (2, 1, 1)
    assert (figures.session_time_ns, figures.incidents) == (seconds(5), 1)
    (drop,) = figures.drop_kinds
    assert (drop.kind, drop.count, drop.initiators) == ("tcp_reset", 1, {"unknown": 1})
    assert drop.age is not None
    assert drop.age.max_ns == seconds(5)
    (failure,) = figures.failures
    assert (failure.phase, failure.failure, failure.count) == ("connect", "connection_refused", 1)


def test_nothing_counted_is_no_span():
    assert span_figures(SampleRange()) is None


def test_one_ending_in_words():
    story = Story([VPN], 1)
    story.drops(story.opens(VPN, 0), 5, raw="ConnectionResetError: \x1b[31m" + "y" * 9000)
    story.fails(VPN, 6)
    dropped, failed = story.events[-2:]
    assert isinstance(dropped, SessionEnded)
    assert isinstance(failed, AttemptFailed)
    ending = last_ending(dropped)
    assert (ending.session, ending.kind, ending.t_ns) == (1, "tcp_reset", seconds(5))
    assert ending.words.startswith("reset by TCP RST")
    assert ending.raw is not None
    assert len(ending.raw) < 320
    assert ending.raw.isprintable()
    assert last_ending(failed).session is None
