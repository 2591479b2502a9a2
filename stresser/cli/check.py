"""`stresser check`: one look at some hosts through every egress, or to a scenario's endpoints."""

import os
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from stresser.cli.checkup import run_check
from stresser.cli.completion import complete_scenario
from stresser.cli.scenario_file import load_scenario, shipped_names
from stresser.cli.templates import refuse_untouched
from stresser.lab.behaviours import parse_behaviour
from stresser.model.errors import ExitCode, ScenarioError
from stresser.model.units import shown
from stresser.scenario.checkup_endpoints import (
    COMMAND_LINE,
    CheckWishes,
    checked_path,
    checked_timeout,
    read_endpoints,
)
from stresser.scenario.plan import Scenario
from stresser.witness.proxy_settings import with_system_pac

_SUFFIX = ".toml"
_PROXY_AUTH = typer.Option(
    "--proxy-auth",
    metavar="SCHEMES",
    help="How a login may be given to a proxy: negotiate,ntlm,digest,basic."
    " Default: negotiate,digest.",
)
_HANDSHAKES = typer.Option(
    "--handshakes",
    help="Also try ClientHellos that differ: long, split, with ML-KEM, without a name.",
)


class _Asked(NamedTuple):
    """A command line, read."""

    scenario: Scenario
    file: Path
    """Paths of CA files are relative to its folder."""
    name: str
    """Stands in messages."""
    paths: dict[str, str]
    path: str | None


def check(
    endpoints: Annotated[
        list[str],
        typer.Argument(
            metavar="ENDPOINT...|SCENARIO",
            help="Hosts, host:port, https://, wss://, tls://, ws://, tcp:// URLs; or one scenario.",
            autocompletion=complete_scenario,
        ),
    ],
    interface: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Through this interface; may be repeated."),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="From this address of ours; may be repeated."),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Through this proxy, `environment`, or `pac:FILE` or `pac:URL`; may be repeated.",
        ),
    ] = None,
    proxy_auth: Annotated[str | None, _PROXY_AUTH] = None,
    get: Annotated[
        str | None, typer.Option(metavar="PATH", help="GET this path, and ask for no WebSocket.")
    ] = None,
    ca: Annotated[
        str | None, typer.Option(metavar="FILE", help="PEM file of the endpoints' own root.")
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(help="Deadline of each phase: 3s. Default 5s, or the scenario's.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON to this file.")] = None,
    *,
    direct: Annotated[
        bool, typer.Option("--direct", help="Without proxy, besides the other egresses.")
    ] = False,
    handshakes: Annotated[bool, _HANDSHAKES] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Try each phase to each endpoint once: proxy, TLS, chain, HTTP.

    Says what hinders sessions and what to do about it. Exit code 0: nothing does, 1: something
    does, 2: bad input, 3: nothing could be tried from here.
    """
    local_routes = (interface or (), source or (), proxy or ())
    wishes = CheckWishes(*local_routes, proxy_auth, direct=direct, ca=ca, timeout=timeout)
    asked = _read(endpoints, wishes, get)

    read = (asked.scenario, asked.file, asked.name, asked.paths, asked.path)
    code = run_check(*read, out, json, tries_hellos=handshakes)
    raise typer.Exit(code or ExitCode.PASS)


def _read(targets: list[str], wishes: CheckWishes, get: str | None) -> _Asked:

    checked_timeout(wishes.timeout)
    path = None if get is None else checked_path(get)
    named = [text for text in targets if is_scenario(text)]
    if not named:
        return _read_endpoints(targets, wishes, path)
    if len(targets) > 1:
        raise ScenarioError(f"{shown(named[0])} is a scenario: check it alone, or endpoints alone")
    return _read_scenario(named[0], wishes, path)


def is_scenario(text: str) -> bool:
    """Whether a word of the command line names a scenario, and no target."""
    if "://" in text:
        return False
    if text.endswith(_SUFFIX) or text in shipped_names():
        return True
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # a name that no file system takes
        return False


def _read_endpoints(endpoints: list[str], wishes: CheckWishes, path: str | None) -> _Asked:

    if wishes.ca is not None and not Path(wishes.ca).expanduser().is_file():
        raise ScenarioError(f"--ca: there is no file {shown(wishes.ca)}")
    found = read_endpoints(endpoints, wishes, with_system_pac(os.environ), parse_behaviour)
    paths = found.paths if path is None else {}
    return _Asked(found.scenario, Path(COMMAND_LINE), COMMAND_LINE, paths, path)


def _read_scenario(named: str, wishes: CheckWishes, path: str | None) -> _Asked:

    if wishes._replace(timeout=None) != type(wishes)():
        raise ScenarioError(
            "a scenario names its own egresses and roots: --interface, --source, --proxy,"
            " --proxy-auth, --direct and --ca go with endpoints alone"
        )
    overrides = []
    if wishes.timeout is not None:
        steps = ("resolve", "connect", "proxy", "tls", "upgrade")
        overrides = [f'timeouts.{step}="{wishes.timeout}"' for step in steps]
    scenario, file = refuse_untouched(load_scenario(named, overrides))
    return _Asked(scenario, file, str(file), {}, path)
