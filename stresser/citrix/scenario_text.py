"""Writes the scenario file that a plan for Citrix Cloud leads to, with its comments.

ASCII alone: whatever the allowlist holds, no line of the file can be more than a comment or a
checked name.
"""

import json
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import msgspec
from msgspec import Struct

from stresser.citrix.allowlist import said_of
from stresser.citrix.allowlist_terms import LONGEST_TEXT, UDP
from stresser.citrix.citrix_plan import CitrixPlan, PlannedEndpoint
from stresser.citrix.known_names import Domain, Inspection, KnownNames
from stresser.model.units import escaped

_LONGEST_COMMENT = 150
_LONGEST_SENTENCE = 500
_WIDTH = 97
_MOST_LISTED = 100
_FEW_SECTIONS = 3
_RAMP_PER_S = 2
_S_PER_MINUTE = 60
_INSPECTION = {
    Inspection.NEVER: "TLS inspection CANNOT be performed here",
    Inspection.BYPASS: "to be on the bypass list of TLS inspection",
    Inspection.UNSAID: "",
}
_INSPECTION_SOURCE = {Inspection.NEVER: "proxy", Inspection.BYPASS: "article"}


_ADVICE = """#
#     stresser check THIS.toml                  # one pass: what stands in the way
#     stresser run THIS.toml --duration 10m     # a first try
#     stresser run THIS.toml                    # overnight
#
# No session logs in: each is TLS with nothing sent, since no more is public about
# what a Connector says. A service may close such a session after a while of its own. Run this
# from a network without VPN and proxy first: what ends there as well is the service's doing,
# not the path's. docs/citrix.md leads from here to a report.
#
# What the comments in brackets rest on:"""
_CONNECTOR = """\
# A Connector's services take WinHTTP's proxy (`netsh winhttp show proxy` on its host): not the
# user's, not the environment's, and no PAC file [proxy]. The sessions below take no proxy. Where
# WinHTTP has one, give the egress the same: proxy = "http://HOST:PORT".
"""
_ONE_EGRESS = """\
# The system's own egress. To hold the same endpoints directly and through the VPN at the
# same time, name both (`ip link` lists interfaces), or use --egress:
# [[egresses]]
# name = "direct"
# interface = "eth0"
# [[egresses]]
# name = "vpn"
# interface = "tun0"
"""
_PACE = """attempts_per_second = 5
attempts_per_second_per_endpoint = 0.5
handshakes_in_flight = 2

# Silent: a heartbeat refreshes the idle timers that are looked for, and bare TLS has none.
# One in five, and one at least, is closed at 5, 10, 20, 40, 80 min and replaced: did it live?
[activity]
kind = "silent"
prove = "5m"
"""
_THRESHOLDS = """[thresholds]
"failure_ratio" = "< 1%"   # a name that no clean network opens either: delete it above
"unverified" = "= 0"
"intercepted" = "= 0"
"tls.p99" = "< 2s"
# The rule that matters, once a clean network has shown which endpoints close silent sessions
# by themselves, and those are deleted:
# "drops_per_session_hour" = "< 0.1"
"""


class CitrixWishes(Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    sessions: int
    """For each endpoint and egress."""
    egresses: Sequence[tuple[str, str]] = ()
    """Name and interface."""
    source: str = "allowlist"
    """The allowlist's file name."""
    since: str = ""
    """The file name of an older list that it was compared with."""
    new: Mapping[str, str] = {}
    """Ports that the older list does not have, by host."""
    host_settings: Sequence[str] = ()
    """Where this host's proxy settings differ from a Connector's, a sentence each."""


def scenario_text(plan: CitrixPlan, known: KnownNames, wishes: CitrixWishes) -> str:
    """The file's text, ASCII."""
    lines = [
        *_head(plan, known, wishes),
        *_settings(plan, wishes),
        *_egresses(wishes),
        *_endpoints(plan, wishes),
        _THRESHOLDS,
        *_not_dialled(plan),
    ]
    return "\n".join(lines) + "\n"


def _comment(text: str, indent: str = "") -> str:
    """One comment line, whatever the text is."""
    plain = escaped(text, 2 * _LONGEST_COMMENT).encode("ascii", "backslashreplace").decode()
    cut = plain if len(plain) <= _LONGEST_COMMENT else plain[: _LONGEST_COMMENT - 3] + "..."
    return f"# {indent}{cut}".rstrip()


def _quoted(text: str) -> str:
    """A TOML basic string; its text has been checked to be printable ASCII."""
    return json.dumps(text)


def _head(plan: CitrixPlan, known: KnownNames, wishes: CitrixWishes) -> Iterator[str]:
    regions = ", ".join(plan.regions) or "all"
    yield _comment(f"Citrix Cloud endpoints of customer {plan.customer}, regions: {regions}.")
    yield _comment(f"Made by `stresser citrix` from {wishes.source}, {plan.allowlist.form}.")
    yield _ADVICE
    for key, source in known.sources.items():
        yield _comment(f"{key}: {source}", "  ")
    yield ""


def _settings(plan: CitrixPlan, wishes: CitrixWishes) -> Iterator[str]:
    sessions = len(plan.endpoints) * wishes.sessions * max(1, len(wishes.egresses))
    minutes = max(1, math.ceil(sessions / _RAMP_PER_S / _S_PER_MINUTE))
    yield f"name = {_quoted(f'citrix-{plan.customer.lower()}')}"
    yield 'duration = "8h"'
    yield ""
    yield "# Polite on purpose: these services are not ours."
    yield "[sessions]"
    yield f"count = {wishes.sessions}   # for each endpoint and egress: {sessions} sessions in all"
    yield f'ramp = "{minutes}m"'
    yield 'reconnect = { initial = "1m", max = "10m", jitter = 0.5 }'
    yield _PACE


def _egresses(wishes: CitrixWishes) -> Iterator[str]:
    yield _CONNECTOR.rstrip()
    for text in wishes.host_settings:
        lines = textwrap.wrap(escaped(f"Here: {text}", _LONGEST_SENTENCE), _WIDTH)
        yield from map(_comment, lines)
    yield ""
    if not wishes.egresses:
        yield _ONE_EGRESS
    for name, interface in wishes.egresses:
        yield "[[egresses]]"
        yield f"name = {_quoted(name)}"
        yield f"interface = {_quoted(interface)}"
        yield ""


def _endpoints(plan: CitrixPlan, wishes: CitrixWishes) -> Iterator[str]:
    for domain, endpoints in groupby(plan.endpoints, key=lambda endpoint: endpoint.domain):
        yield from _heading(domain)
        for endpoint in endpoints:
            if ports := wishes.new.get(endpoint.name.host):
                yield _comment(f"new since {escaped(wishes.since, LONGEST_TEXT)}: {ports}")
            yield from _endpoint(endpoint)


def _heading(domain: Domain | None) -> Iterator[str]:
    if domain is None:
        yield "# --- other names: not of a domain that stresser knows as the vendor's; look at them"
        yield "# --- before you dial them"
        yield ""
        return
    yield _comment(f"--- {domain.name}: {domain.what} [{domain.source}]")
    said = _INSPECTION[domain.inspection]
    if said:
        yield _comment(f"--- {said} [{_INSPECTION_SOURCE[domain.inspection]}]")
    yield ""


def _endpoint(endpoint: PlannedEndpoint) -> Iterator[str]:
    if endpoint.channel is not None:
        yield _comment(f"persistent channel: {endpoint.channel.what} [{endpoint.channel.source}]")
    listed = endpoint.listed
    if not listed.terms:
        yield "# stands for a wildcard of the list (--expand)"
    elif endpoint.domain is None or endpoint.channel is not None:
        yield _comment("listed in: " + ", ".join(listed.sections[:_FEW_SECTIONS]))
    yield from _beside(endpoint)
    yield "[[endpoints]]"
    yield f"name = {_quoted(endpoint.label)}"
    yield f"url = {_quoted(f'tls://{endpoint.name.authority}')}"
    yield ""


def _beside(endpoint: PlannedEndpoint) -> Iterator[str]:
    """What the list says of it beyond TCP 443."""
    port = endpoint.name.port
    others = [one for one in endpoint.listed.ports if (one.low, one.high) != (port, port)
              or one.protocol == UDP]  # fmt: skip
    if others:
        written = ", ".join(one.written for one in others)
        yield _comment(f"to be let through as well, and not dialled: {written}")
    said = said_of(msgspec.structs.replace(terms, ports=()) for terms in endpoint.listed.terms)
    if said:
        yield _comment(f"the list says: {said}")


def _not_dialled(plan: CitrixPlan) -> Iterator[str]:
    allowlist = plan.allowlist
    if plan.wildcards:
        yield "# Wildcards cannot be dialled. Names known for them (--expand dials these):"
        for wildcard, names in plan.wildcards[:_MOST_LISTED]:
            yield _comment(f"{wildcard.written}: {', '.join(names) or 'none known'}", "  ")
        yield from _rest(len(allowlist.wildcards), _MOST_LISTED)
    networks = [listed.written for listed in allowlist.networks]
    inbound = [listed.written for listed in allowlist.inbound]
    yield from _listing("Networks, without a name to verify, not dialled:", networks)
    yield from _listing("Inbound, they connect to you, not dialled:", inbound)
    ports = "On other ports alone, where the list does not say TLS, not dialled:"
    yield from _listing(ports, plan.other_ports)
    yield from _listing("Of other regions, left out:", plan.other_region)
    yield from _listing("Dates of the list:", allowlist.dates)
    yield from _listing("Sections without a list:", allowlist.without_list)
    ignored = [f"{key} ({count})" for key, count in allowlist.ignored.items()]
    yield from _listing("Other keys of the file, and their values, not read:", ignored)
    yield from _listing("NOT UNDERSTOOD:", allowlist.not_understood)
    yield from _rest(allowlist.not_understood_count, len(allowlist.not_understood))


def _listing(title: str, texts: Sequence[str]) -> Iterator[str]:
    if texts:
        yield f"# {title}"
        yield from (_comment(text, "  ") for text in texts[:_MOST_LISTED])
        yield from _rest(len(texts), _MOST_LISTED)


def _rest(number: int, told: int) -> Iterator[str]:
    if number > told:
        yield f"#   and {number - told} more"
