"""What is taken of an answer, where it is put in, and what may not be."""

import pytest

from stresser.model.faults import MessageRefused
from stresser.net.https_request import HttpsAnswer, HttpsRequest
from stresser.net.websocket import UpgradeRequest
from stresser.scenario.json_pointer import JsonPointer
from stresser.scenario.secrets import Secret
from stresser.scenario.wording import Wording
from stresser.session.request_before import RequestBefore, filled_request, taken_address

ANSWER = HttpsAnswer(
    headers={"x-token": "of a header"},
    body=b'{"token": "a/b c", "n": 7, "url": "wss://far.test:8443/link?ticket=1", "empty": ""}',
)


def before(**take):
    places = {name: JsonPointer(at) if at.startswith("/") else at for name, at in take.items()}
    request = HttpsRequest(method="GET", host="a.test", target="/", headers={})
    body = Wording("secret=${env:S}").with_secrets(lambda name: Secret(name, "hunter2"))
    return RequestBefore(
        place=None, request=request, body=body, home=("h.test", 443), take=places,
        withhold_secret=True,
    )  # fmt: skip


def test_values_are_taken_from_the_body_and_from_headers():
    assert before(A="/token", N="/n", H="X-Token").taken(ANSWER) == {
        "A": "a/b c", "N": "7", "H": "of a header",
    }  # fmt: skip


@pytest.mark.parametrize("place", ["/nope", "/empty", "X-Other"])
def test_what_is_not_there_refuses(place):
    with pytest.raises(MessageRefused):
        before(A=place).taken(ANSWER)


def test_the_secret_goes_out_and_shows_nowhere():
    one = before(A="/token")
    assert one.asked().body == b"secret=hunter2"
    assert "hunter2" not in repr(one)


REQUEST = UpgradeRequest(
    host="h.test", target="/hub?id=${A}", headers={"Authorization": "Bearer ${A}", "X": "plain"}
)


def test_it_is_put_into_the_query_quoted_and_into_headers_as_it_is():
    filled = filled_request(REQUEST, {"A": "a/b c"}, None)
    assert filled.target == "/hub?id=a%2Fb%20c"
    secret = filled.headers["Authorization"]
    assert isinstance(secret, Secret)
    assert (secret.reveal(), filled.headers["X"]) == ("Bearer a/b c", "plain")
    assert "a/b" not in repr(filled.headers)


@pytest.mark.parametrize("value", ["a\r\nX: y", "ü", "a\0"])
def test_no_answer_can_write_headers_of_its_own(value):
    with pytest.raises(MessageRefused):
        filled_request(REQUEST, {"A": value}, None)


def test_a_url_that_is_taken_is_where_the_session_goes():
    address = taken_address({"url": "wss://far.test:8443/link?ticket=1"}, "wss")
    assert address is not None
    filled = filled_request(REQUEST, {"A": "x", "url": "..."}, address)
    assert (filled.host, filled.target) == ("far.test:8443", "/link?ticket=1")
    assert taken_address({"A": "x"}, "wss") is None


@pytest.mark.parametrize(
    "url", ["https://a.test/", "ws://a.test/", "tls://a.test", "lab+wss://echo", "x", "wss://u@h/"]
)
def test_no_other_scheme_is_followed(url):
    with pytest.raises(MessageRefused):
        taken_address({"url": url}, "wss")
