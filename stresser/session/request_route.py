"""How the request before a session goes, and how the session goes after its answer."""

from dataclasses import replace

from stresser.model.quantity import Quantity
from stresser.scenario.secrets import Secret
from stresser.session.request_before import RequestBefore, filled_request, taken_address
from stresser.session.route import Route


def request_route(route: Route, before: RequestBefore) -> Route:
    """How the request before a session goes: through the same egress and proxy."""
    place = before.place
    bare = replace(
        route,
        before=None,
        request=None,
        openings=(),
        introducer=None,
        hello=None,
        withhold_secret=before.withhold_secret,
    )
    if place is None:
        return bare
    return replace(
        bare,
        host=place.host,
        port=place.port,
        server_name=place.host,
        context=place.context,
        judge=place.judge,
    )


def with_taken(route: Route, before: RequestBefore, taken: dict[str, str]) -> Route:
    """How the session goes, with what the answer gave.

    Raises:
        MessageRefused: as `filled_request` and `taken_address`.
    """
    if route.request is None:
        return route
    address = taken_address(taken, "ws" if route.context is None else "wss")
    secrets = (*route.secrets, *(Secret(name, value) for name, value in taken.items()))
    request = filled_request(route.request, taken, address)
    if address is None or (address.host, address.port) == before.home:
        return replace(route, request=request, secrets=secrets)
    return replace(
        route,
        request=request,
        secrets=secrets,
        host=address.host,
        port=address.port,
        server_name=address.host,
    )


def steps_before(phases_ns: dict[str, int]) -> dict[str, int]:
    """The phases of the request before a session, by its own names."""
    steps = dict(phases_ns)
    named = {Quantity.BEFORE_TLS: "tls", Quantity.BEFORE_ANSWER: Quantity.BEFORE_ANSWER}
    found = {name.value: steps.pop(phase) for name, phase in named.items() if phase in steps}
    return {Quantity.BEFORE_CONNECT.value: sum(steps.values())} | found if steps else found
