"""The defaults that the design page states, and that plans do not change."""

import pytest

from stresser.model.units import Duration
from stresser.scenario.plan import (
    Activity,
    Endpoint,
    Reconnect,
    Scenario,
    Sessions,
    Timeouts,
    Verify,
)

PLAN = Scenario(name="s", endpoints=[Endpoint(name="e", url="wss://h")])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Timeouts().resolve, "5s"),
        (Timeouts().connect, "10s"),
        (Timeouts().close, "5s"),
        (Reconnect().initial, "1s"),
        (Reconnect().max, "1m"),
        (Activity().every, "15s"),
        (Activity().timeout, "10s"),
        (PLAN.record.histogram_interval, "10s"),
    ],
)
def test_default_durations(value, text):
    assert isinstance(value, Duration)
    assert value == Duration.parse(text)


def test_defaults_that_protect():
    assert PLAN.endpoints[0].verify is Verify.REPORT
    assert not PLAN.endpoints[0].send_secrets_over_unverified_chain
    assert Sessions().attempts_per_second_per_endpoint <= Sessions().attempts_per_second


def test_a_plan_does_not_change():
    with pytest.raises(AttributeError):
        setattr(PLAN, "name", "other")  # noqa: B010 - mypy knows that it is read-only


def test_plans_share_no_lists():
    assert Scenario(name="t", endpoints=[]).egresses is not PLAN.egresses
