"""`stresser idle`: how long a quiet session lives through each egress, and what keeps it alive."""

import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from stresser.analysis.summary.summary import Summary
from stresser.analysis.words.endings import counted
from stresser.cli.check import is_scenario
from stresser.cli.completion import complete_scenario
from stresser.cli.run import checked_request, execute
from stresser.cli.scenario_file import load_scenario
from stresser.cli.streams import tell_stderr
from stresser.cli.templates import refuse_untouched
from stresser.lab.behaviours import parse_behaviour
from stresser.model.errors import ExitCode, ScenarioError
from stresser.model.units import NS_PER_S, Duration, format_duration, shown
from stresser.record.folder import RESULTS
from stresser.report.console import ReportConsole
from stresser.report.limits_terminal import print_limits
from stresser.scenario.checkup_endpoints import COMMAND_LINE, CheckWishes, read_endpoints
from stresser.scenario.endpoint import parse_url
from stresser.scenario.plan import Activity, ActivityKind, Endpoint, Scenario, Sessions
from stresser.scenario.proxy_url import PAC
from stresser.session.idle_ladder import first_ladder
from stresser.witness.proxy_settings import with_system_pac

_LEAST = 2 * NS_PER_S
_IN_FLIGHT = 16
_NAME = "idle"


def idle(
    endpoints: Annotated[
        list[str],
        typer.Argument(
            metavar="ENDPOINT...|SCENARIO",
            help="Hosts, host:port, wss://, tls://, ws:// or tcp:// URLs; or one scenario.",
            autocompletion=complete_scenario,
        ),
    ],
    egress: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHICH",
            help="Through this egress: one of the scenario; for endpoints an interface, an address"
            " of ours, a proxy's URL, `pac:FILE`, or `direct`. May be repeated.",
        ),
    ] = None,
    proxy_auth: Annotated[
        str | None,
        typer.Option(
            "--proxy-auth",
            metavar="SCHEMES",
            help="How a login may be given to a proxy: negotiate,ntlm,digest,basic."
            " Default: negotiate,digest.",
        ),
    ] = None,
    up_to: Annotated[str, typer.Option("--up-to", help="The longest silence to try.")] = "2h",
    ca: Annotated[
        str | None, typer.Option(metavar="FILE", help="PEM file of the endpoints' own root.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the run folder is made.")] = RESULTS,
    label: Annotated[str | None, typer.Option(help="Added to the run folder's name.")] = None,
    *,
    together: Annotated[
        bool,
        typer.Option(
            "--together",
            help="Then let all sessions of each egress be silent at once, for as long again: a"
            " gateway may end a tunnel through which nothing passes.",
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the result alone.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Find each egress's limits of silence, age and bytes.

    Silent sessions are each asked once, after different times. Exit code 0: no limit up to the
    longest silence, 1: one was found, 3: neither is sure. Ctrl-C prints what is known so far.
    """
    longest = _longest(up_to)
    scenario, file = _scenario(endpoints, egress or [], proxy_auth, ca)
    asked = checked_request(_searching(scenario, longest, together=together), file, out, label)
    if not quiet and not json:
        tell_stderr(_announced(asked.scenario, longest))
    raise typer.Exit(
        execute(asked, quiet=quiet or json, as_json=json, show=_show, judge=_exit_code)
    )


def _longest(text: str) -> Duration:
    try:
        longest = Duration.parse(text)
    except ValueError as error:
        raise ScenarioError(f"--up-to: {error}") from None
    if longest < _LEAST:
        raise ScenarioError(f"--up-to: {shown(text)} is too short; from 2s on")
    return longest


def _scenario(
    endpoints: list[str], egresses: Sequence[str], proxy_auth: str | None, ca: str | None
) -> tuple[Scenario, Path]:
    named = [text for text in endpoints if is_scenario(text)]
    if not named:
        return _of_endpoints(endpoints, egresses, proxy_auth, ca), Path(COMMAND_LINE)
    if len(endpoints) > 1:
        raise ScenarioError(f"{shown(named[0])} is a scenario: search it alone, or endpoints alone")
    if ca is not None:
        raise ScenarioError("--ca goes with endpoints; a scenario names its own roots")
    if proxy_auth is not None:
        raise ScenarioError("--proxy-auth goes with endpoints; a scenario has proxy_auth")
    scenario, file = refuse_untouched(load_scenario(named[0], []))
    known = [one.name for one in scenario.egresses]
    if unknown := [name for name in egresses if name not in known]:
        raise ScenarioError(
            f"--egress: {file} has no egress {shown(unknown[0])}; known are {', '.join(known)}"
        )
    chosen = [one for one in scenario.egresses if not egresses or one.name in egresses]
    return replace(scenario, egresses=chosen), file


def _of_endpoints(
    endpoints: list[str], egresses: Sequence[str], proxy_auth: str | None, ca: str | None
) -> Scenario:
    if ca is not None and not Path(ca).expanduser().is_file():
        raise ScenarioError(f"--ca: there is no file {shown(ca)}")
    kinds = {one: _kind_of(one) for one in dict.fromkeys(egresses)}
    of_kind = {
        wanted: [one for one, kind in kinds.items() if kind == wanted] for wanted in kinds.values()
    }
    wishes = CheckWishes(
        interfaces=of_kind.get("interface", ()),
        sources=of_kind.get("source", ()),
        proxies=of_kind.get("proxy", ()),
        proxy_auth=proxy_auth,
        direct="direct" in of_kind,
        ca=ca,
    )
    found = read_endpoints(endpoints, wishes, with_system_pac(os.environ), parse_behaviour)
    held = [_quiet(one) if one.name in found.paths else one for one in found.scenario.endpoints]
    return replace(found.scenario, name=_NAME, endpoints=held)


def _kind_of(egress: str) -> str:
    if egress in {"direct", "environment"} or "://" in egress or egress.startswith(PAC):
        return "direct" if egress == "direct" else "proxy"
    try:
        ipaddress.ip_address(egress)
    except ValueError:
        return "interface"
    return "source"


def _quiet(endpoint: Endpoint) -> Endpoint:
    """Of a host that speaks HTTP nothing is known that could be upgraded: TLS is held alone."""
    authority = parse_url(endpoint.url).authority
    host = authority if ":" in authority.rpartition("]")[2] else f"{authority}:443"
    return replace(endpoint, url=f"tls://{host}")


def _searching(scenario: Scenario, longest: Duration, *, together: bool = False) -> Scenario:
    """Its endpoints and egresses, and nothing but the search."""
    activity = Activity(
        kind=ActivityKind.IDLE_SEARCH, name="idle_search", up_to=longest, together=together
    )
    own = scenario.sessions
    sessions = Sessions(
        count=len(first_ladder(longest)),
        attempts_per_second=own.attempts_per_second,
        attempts_per_second_per_endpoint=own.attempts_per_second_per_endpoint,
        handshakes_in_flight=min(own.handshakes_in_flight, _IN_FLIGHT),
        reconnect=False,
        max_per_endpoint=own.max_per_endpoint,
    )
    return replace(scenario, activities=[activity], sessions=sessions, duration=None, thresholds={})


def _announced(scenario: Scenario, longest: Duration) -> str:
    pairs = counted(len(scenario.endpoints) * len(scenario.egresses), "pair")
    most = format_duration(longest)
    none = f"{most}, and then of each egress as a whole, after as long again"
    none = none if scenario.activities[0].together else most
    return (
        f"{pairs} of endpoint and egress, {scenario.sessions.count} silent sessions each, for up to"
        f" {most}. A limit is known after about 2.3 times its own length; that there is none,"
        f" after {none}. Ctrl-C prints what is known by then."
    )


def _show(summary: Summary, console: ReportConsole, folder: Path) -> None:
    print_limits(summary.limits, console)
    console.file.write(f"\nMore: stresser show {folder} --full\n")


def _exit_code(summary: Summary) -> ExitCode:
    """A limit that was found and confirmed, none as far as was asked, or neither."""
    if any(one.high is not None and one.confirmed for one in summary.limits):
        return ExitCode.FAIL
    silences = [one for one in summary.limits if one.kind == "idle"]
    is_whole = bool(silences) and all(one.reached and not one.dead for one in silences)
    return ExitCode.PASS if is_whole else ExitCode.INCONCLUSIVE
