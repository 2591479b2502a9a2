"""What an endpoint's keys may not say because of its URL's scheme."""

from collections.abc import Iterator, Mapping
from typing import Any

from stresser.scenario.message_rules import Report, login_variables, wordings_of
from stresser.scenario.plan import Scheme, Verify
from stresser.scenario.secrets import variable_of

_OF_UPGRADES = {
    "headers": "upgrade request to carry them",
    "subprotocols": "upgrade request to carry them",
    "open": "messages",
    "before": "request that would carry what comes before",
}
_OF_TLS = ("ca", "verify", "sni", "alpn", "tls_version", "hello", "reflector")
_NOT_SAID: tuple[Any, ...] = (None, [], Verify.REPORT)


def check_scheme(scheme: Scheme, values: Mapping[str, Any], report: Report) -> None:
    """Report each key that means nothing to this scheme. `values`: the good ones."""
    if not scheme.is_websocket:
        for name, what in _OF_UPGRADES.items():
            if values.get(name):
                report((name,), f"a {scheme}:// endpoint has no {what}")
    if scheme.has_tls:
        return
    for name in _OF_TLS:
        if values.get(name) not in _NOT_SAID:
            report((name,), f"a {scheme}:// endpoint has no TLS, which {name} is about")
    if not values.get("send_secrets_over_unverified_chain", False):
        for place in _secrets(values):
            report(
                place,
                f"a {scheme}:// endpoint has no TLS: the secret would go in clear; leave it out,"
                " or write send_secrets_over_unverified_chain = true",
            )


def _secrets(values: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Where something is taken from the environment to be sent."""
    for name, value in values.get("headers", {}).items():
        if variable_of(value) is not None:
            yield "headers", name
    if values.get("before") is not None:
        yield ("before",)
    if any(one.gaps for message in values.get("open", []) for one in wordings_of(message)):
        yield ("open",)
    if login_variables(values.get("mqtt")):
        yield ("mqtt",)
