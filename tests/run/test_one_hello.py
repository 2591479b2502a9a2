"""The route of one more hello, and what its end says of it."""

import pytest
from msgspec.structs import replace

from stresser.model.ending import Kind, Phase
from stresser.model.hello_tried import HelloOutcome, HelloShape
from stresser.model.units import Duration
from stresser.net.hello_shapes import HelloShapes
from stresser.run.one_hello import Trial, acknowledged, may_hinder, outcome_of, trial_route
from stresser.scenario.plan import Timeouts
from tests.fakes.checked import failed, failed_way, tcp_info, way
from tests.run.hello_routes import first_attempt

MADE = HelloShapes("broker.example.net", (), 1448).make(HelloShape.SPLIT)


def test_it_goes_to_the_same_address_and_asks_for_nothing_there():
    first = first_attempt()
    route = trial_route(first, MADE)
    assert (route.host, route.port) == ("192.0.2.1", 443)
    assert (route.binding.source, route.binding.max_segment) == ("198.51.100.2", MADE.max_segment)
    assert first.route.binding.max_segment is None
    assert (route.request, route.introducer, route.withhold_secret) == (None, None, False)
    assert (route.context, route.hello) == (MADE.context, MADE.facts)


@pytest.mark.parametrize(
    ("connect_ms", "limit", "within"),
    [(20, "10s", "2s"), (500, "10s", "5s"), (5000, "10s", "10s"), (20, "500ms", "500ms")],
)
def test_its_deadline(connect_ms, limit, within):
    first = first_attempt(timeouts=Timeouts(tls=Duration.parse(limit)))
    first.phases_ns = {"connect": connect_ms * 1_000_000}
    assert trial_route(first, MADE).timeouts.tls == Duration.parse(within)


@pytest.mark.parametrize(
    ("phase", "kind", "outcome"),
    [
        (Phase.TLS, Kind.TIMEOUT, HelloOutcome.LOST),
        (Phase.TLS, Kind.KERNEL_TIMEOUT, HelloOutcome.LOST),
        (Phase.TLS, Kind.TCP_RESET, HelloOutcome.CUT),
        (Phase.TLS, Kind.TCP_FIN, HelloOutcome.CUT),
        (Phase.TLS, Kind.TLS_ALERT, HelloOutcome.ALERT),
        (Phase.TLS, Kind.PROTOCOL_ERROR, HelloOutcome.UNKNOWN),
        (Phase.CONNECT, Kind.TIMEOUT, HelloOutcome.UNKNOWN),
        (Phase.CONNECT, Kind.TCP_RESET, HelloOutcome.UNKNOWN),
        (Phase.TLS, Kind.TOOL, HelloOutcome.UNKNOWN),
    ],
)
def test_outcomes(phase, kind, outcome):
    trial = Trial(first_attempt(), failed(phase=phase, kind=kind))
    assert outcome_of(trial) is outcome
    assert outcome_of(trial._replace(failed=None)) is HelloOutcome.STOOD


def test_what_was_acknowledged_at_most_without_the_syn():
    def of(number):
        return Trial(
            first_attempt(),
            failed(phase=Phase.TLS, evidence={"tcp_info": tcp_info(bytes_acked=number)}),
        )

    assert acknowledged([of(1), of(1449), Trial(first_attempt(), None)]) == 1448
    assert acknowledged([of(1)]) == acknowledged([of(0)]) == 0
    assert acknowledged([of(None)]) is None
    assert acknowledged([Trial(first_attempt(), failed(phase=Phase.TLS))]) is None


@pytest.mark.parametrize(
    ("phase", "kind", "changes", "hinders"),
    [
        (Phase.TLS, Kind.TIMEOUT, {}, True),
        (Phase.TLS, Kind.TCP_RESET, {}, True),
        (Phase.TLS, Kind.TLS_ALERT, {"alert": 40}, False),
        (Phase.CONNECT, Kind.TIMEOUT, {}, False),
        (Phase.UPGRADE, Kind.TIMEOUT, {}, False),
        (Phase.UPGRADE, Kind.TIMEOUT, {"evidence": {"tcp_info": tcp_info(unacked=0)}}, False),
        (Phase.UPGRADE, Kind.TIMEOUT, {"evidence": {"tcp_info": tcp_info(unacked=2)}}, True),
        (Phase.UPGRADE, Kind.HTTP_REFUSAL, {"status": 403}, False),
    ],
)
def test_where_a_hello_may_be_what_hinders(phase, kind, changes, hinders):
    one = failed_way(phase=phase, kind=kind, **changes)
    assert may_hinder(one) is hinders
    assert not may_hinder(replace(one, is_own=True))  # nothing stands in between
    assert not may_hinder(way())
