"""What an endpoint's keys about the dial and the ClientHello may not say together."""

from collections.abc import Iterator, Mapping
from typing import Any

from stresser.model.client_hello import HelloKind
from stresser.model.units import shown
from stresser.scenario.endpoint import ip_or_none, parse_url


def handshake_mistakes(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Key, and what is wrong with it. `values`: the endpoint's good ones."""
    if values.get("hello") is HelloKind.HYBRID and values.get("tls_version") == "1.2":
        yield "hello", "TLS 1.2 has no key shares; leave tls_version out"
    url = parse_url(values["url"]) if "url" in values else None
    if url is None:
        return
    if url.is_lab:
        for name in ("address", "family"):
            if values.get(name) is not None:
                yield name, f"the lab chooses the {name} of its endpoints itself; leave it out"
        return
    host, family = values.get("address") or url.host, values.get("family")
    address = ip_or_none(host)
    if family is not None and address is not None and f"ipv{address.version}" != family:
        yield "family", f"{shown(host)} is none of it; leave it out"
