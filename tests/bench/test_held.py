import pytest

from bench.held import Side, ramp_of_pings
from bench.measure import Held, Pinged


def held(sessions, rss_kib, cpu_s=0.5, ramp_s=1.0):
    return Held(
        sessions=sessions,
        rss_kib=rss_kib,
        pss_kib=0,
        cpu_handshakes_s=cpu_s,
        ramp_s=ramp_s,
        start_s=0.5,
        cpu_start_s=0.4,
        idle_cpu=0,
        exit_code=0,
    )


def pinged(round_trips, cpu_s, rate_met=1.0):
    return Pinged(
        sessions=501,
        round_trips=round_trips,
        cpu_s=cpu_s,
        window_s=1,
        rate_met=rate_met,
        exit_code=0,
    )


SIDE = Side("floor", [held(1, 20_000)], {501: [held(501, 35_000)]}, {501: [pinged(40_000, 2)]})


@pytest.mark.parametrize(
    ("key", "figure"),
    [
        ("kib_per_session", 30),
        ("cpu_per_1000_handshakes", 0.5 * 1000 / 501),
        ("cpu_per_100000_pings", 5),
        ("attempts_per_second", 501),
        ("cpu_to_first_syn", 0.4),
        ("seconds_to_first_syn", 0.5),
    ],
)
def test_a_figure_is_per_what_its_title_says(key, figure):
    assert SIDE.figures(key, 501) == [pytest.approx(figure)]


def test_memory_needs_a_run_alone_for_each_run_of_many():
    side = Side("floor", [], {501: [held(501, 35_000)]})
    with pytest.raises(ValueError, match="zip"):
        side.figures("kib_per_session", 501)


@pytest.mark.parametrize(("rate_met", "saturated"), [(0.96, False), (0.9, True)])
def test_a_client_that_does_not_keep_the_schedule_is_saturated(rate_met, saturated):
    assert pinged(40_000, 2, rate_met).saturated is saturated


@pytest.mark.parametrize(("sessions", "every_s"), [(500, 0.125), (2_000, 0.5), (10_000, 2.5)])
def test_the_ramp_is_gentle_and_its_last_lap_falls_between(sessions, every_s):
    ramp_s = ramp_of_pings(sessions, every_s)
    assert 350 <= sessions / ramp_s <= 500
    assert (ramp_s / every_s) % 1 == pytest.approx(0.5)
