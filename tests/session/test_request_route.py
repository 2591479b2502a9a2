"""How the request before a session goes, and what the session's route is then."""

from dataclasses import replace

import pytest

from stresser.net.https_request import HttpsRequest
from stresser.net.websocket import UpgradeRequest
from stresser.scenario.wording import Wording
from stresser.session.request_before import PlaceAsked, RequestBefore
from stresser.session.request_route import request_route, steps_before, with_taken
from tests.fakes.certificates import client_context, judge
from tests.fakes.loopback import loopback_route

HOME = ("hub.test", 443)


def before(place=None):
    request = HttpsRequest(method="GET", host="a.test", target="/", headers={})
    return RequestBefore(
        place=place, request=request, body=Wording(""), home=HOME, take={}, withhold_secret=True
    )


def route(**changes):
    request = UpgradeRequest(host="hub.test", target="/?id=${ID}")
    return replace(loopback_route(7), request=request, before=before(), **changes)


def test_it_goes_as_the_session_does_and_asks_for_no_upgrade():
    asked = request_route(route(), before())
    assert (asked.host, asked.port, asked.request, asked.before) == ("127.0.0.1", 7, None, None)
    assert asked.withhold_secret
    assert asked.cohort == route().cohort


def test_another_place_has_its_own_name_and_roots():
    place = PlaceAsked(host="a.test", port=8443, context=client_context(), judge=judge())
    asked = request_route(route(), before(place))
    assert (asked.host, asked.port, asked.server_name) == ("a.test", 8443, "a.test")


def test_what_is_taken_is_a_secret_of_the_session():
    gone = with_taken(route(), before(), {"ID": "t/1"})
    assert gone.request is not None
    assert gone.request.target == "/?id=t%2F1"
    assert [secret.reveal() for secret in gone.secrets] == ["t/1"]
    assert (gone.host, gone.port) == ("127.0.0.1", 7)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("wss://far.test:9/x?t=1", ("far.test", 9, "far.test")),
        ("wss://hub.test/x?t=1", ("127.0.0.1", 7, route().server_name)),
    ],
)
def test_a_url_leads_elsewhere_unless_it_is_the_endpoints_own(url, place):
    gone = with_taken(route(), before(), {"url": url})
    assert (gone.host, gone.port, gone.server_name) == place
    assert gone.request is not None
    assert gone.request.target == "/x?t=1"


@pytest.mark.parametrize(
    ("phases", "steps"),
    [
        ({}, {}),
        ({"resolve": 1, "connect": 2}, {"before_connect": 3}),
        (
            {"resolve": 1, "proxy_connect": 2, "proxy_tunnel": 3, "tls": 4, "before_answer": 5},
            {"before_connect": 6, "before_tls": 4, "before_answer": 5},
        ),
    ],
)
def test_its_steps_have_names_of_their_own(phases, steps):
    assert steps_before(phases) == steps
