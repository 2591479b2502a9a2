"""What is asked by HTTPS before a session is opened, and what of the answer the session needs."""

from collections.abc import Mapping
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace as with_fields

from stresser.model.faults import MessageRefused
from stresser.net.https_request import HttpsAnswer, HttpsRequest
from stresser.net.tls import ClientContext
from stresser.net.trust import ChainJudge
from stresser.net.websocket import UpgradeRequest
from stresser.scenario.endpoint import EndpointAddress, parse_url
from stresser.scenario.header import check_header_value
from stresser.scenario.json_pointer import JsonPointer
from stresser.scenario.secrets import Secret
from stresser.scenario.wording import Wording

URL = "url"
"""The name of what is taken that says where the session connects."""
_LONGEST = 8192


class PlaceAsked(Struct, frozen=True, kw_only=True):
    """Where a request goes that does not go where the session goes."""

    host: str
    port: int
    context: ClientContext
    judge: ChainJudge


class RequestBefore(Struct, frozen=True, kw_only=True):
    """Shared by all sessions of an endpoint."""

    place: PlaceAsked | None
    """None: the endpoint's own host and port."""
    request: HttpsRequest
    """Its body is `body`."""
    body: Wording
    home: tuple[str, int]
    """Host and port of the endpoint's own URL."""
    take: Mapping[str, JsonPointer | str]
    """By name: a place in the body, or a header."""
    withhold_secret: bool
    """The request carries a secret that only a chain that verifies may see."""

    def asked(self) -> HttpsRequest:
        """The request with its body."""
        return with_fields(self.request, body=self.body.said().encode())

    def taken(self, answer: HttpsAnswer) -> dict[str, str]:
        """What the session needs.

        Raises:
            MessageRefused: something of that is not in the answer.
        """
        found = {name: _value(answer, place) for name, place in self.take.items()}
        if any(not value or len(value) > _LONGEST for value in found.values()):
            raise MessageRefused
        return {name: value for name, value in found.items() if value}


def _value(answer: HttpsAnswer, place: JsonPointer | str) -> str | None:
    if isinstance(place, str):
        return answer.headers.get(place.lower())
    return next(place.texts_in(answer.body), None)


def filled_request(
    request: UpgradeRequest, taken: Mapping[str, str], address: EndpointAddress | None
) -> UpgradeRequest:
    """The upgrade request with what was taken put in; `address`: of the URL that was taken.

    Raises:
        MessageRefused: what was taken is no value of a header.
    """
    quoted = {name: quote(value, safe="") for name, value in taken.items()}
    target = Wording(request.target).said(quoted) if address is None else address.target
    host = request.host if address is None else address.authority
    headers = {name: _filled(name, value, taken) for name, value in request.headers.items()}
    return UpgradeRequest(
        host=host, target=target, headers=headers, subprotocols=request.subprotocols
    )


def _filled(name: str, value: str | Secret, taken: Mapping[str, str]) -> str | Secret:
    if isinstance(value, Secret) or "${" not in value:
        return value
    said = Wording(value).said(taken)
    try:
        check_header_value(said)
    except ValueError:
        raise MessageRefused from None
    return Secret(name, said)


def taken_address(taken: Mapping[str, str], scheme: str) -> EndpointAddress | None:
    """Where the answer sends the session; None: nowhere else.

    Raises:
        MessageRefused: that is no URL of the endpoint's scheme.
    """
    if URL not in taken:
        return None
    try:
        address = parse_url(taken[URL])
    except ValueError:
        raise MessageRefused from None
    if address.scheme != scheme or address.is_lab:
        raise MessageRefused
    return address
