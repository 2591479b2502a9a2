"""`stresser lab`: the loopback lab in the foreground, for trying things out."""

import signal
from json import dumps
from typing import Annotated, Any

import trio
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stresser.lab.behaviours import known_behaviours
from stresser.lab.file_limit import raise_file_limit
from stresser.lab.messages import KillsLost, LineWriter, decode_kill, encode_message
from stresser.lab.server import check_plan, serve
from stresser.model.errors import LabError, StresserError
from stresser.model.kill import Kill
from stresser.model.units import Duration, Size, format_duration, format_utc, shown
from stresser.report.console import stdout_console, until_reader_leaves
from stresser.scenario.lab_table import LabEndpoint, LabPlan, LabReady, LabRoute, Middlebox

_BOX = "middlebox"
_ECHO = "wss-echo"
_RULES = (
    "idle_timeout",
    "age_limit",
    "byte_limit",
    "stall_at",
    "corrupt_at",
    "blackhole_at",
    "blackhole_for",
    "delay",
    "on_client_hello",
    "intercept",
    "kill",
)
"""Options that are keys of a `Middlebox` by the same names."""


def lab(
    *,
    idle_timeout: Annotated[
        str | None, typer.Option(help="The middlebox kills flows that are idle for this long: 4s.")
    ] = None,
    age_limit: Annotated[
        str | None, typer.Option(help="It kills flows of this age, busy or not.")
    ] = None,
    byte_limit: Annotated[
        str | None, typer.Option(help="It kills flows that have carried this much: 64KiB.")
    ] = None,
    on_client_hello: Annotated[
        bool, typer.Option("--on-client-hello", help="It kills flows at the TLS ClientHello.")
    ] = False,
    kill: Annotated[Kill, typer.Option(help="How it kills.")] = Kill.RESET,
    stall_at: Annotated[
        str | None, typer.Option(help="It forwards nothing more to a client after this age.")
    ] = None,
    corrupt_at: Annotated[
        str | None, typer.Option(help="It flips a byte of a client's record after this age.")
    ] = None,
    blackhole_at: Annotated[
        str | None, typer.Option(help="It becomes a black hole this long after the start.")
    ] = None,
    blackhole_for: Annotated[
        str | None, typer.Option(help="How long the black hole lasts; omitted: for ever.")
    ] = None,
    delay: Annotated[str | None, typer.Option(help="It delays each direction: 40ms.")] = None,
    intercept: Annotated[
        bool, typer.Option("--intercept", help="It ends TLS with a certificate of its own CA.")
    ] = False,
    behaviour: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[/ARGUMENT]",
            help="One more endpoint: ws-close/1001, tls://reset/5s; may be repeated.",
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines: addresses, kills.")
    ] = False,
) -> None:
    """Serve endpoints and a misbehaving middlebox on 127.0.0.1.

    Ctrl-C ends it.

    Raises:
        StresserError: an option that cannot be read, or a behaviour the lab does not know.
    """
    given = locals()
    rules = {key: given[key] for key in _RULES}
    plan = _plan(rules, behaviour or [])

    raise_file_limit()
    _serve(plan, as_json=json)


def _plan(rules: dict[str, Any], behaviours: list[str]) -> LabPlan:

    endpoints = [
        LabEndpoint(name=_ECHO, scheme="wss", behaviour="echo"),
        LabEndpoint(name="tls-echo", scheme="tls", behaviour="echo"),
    ]
    endpoints += [_endpoint(text) for text in dict.fromkeys(behaviours)]
    routes = [LabRoute(egress=_BOX, endpoint=one.name) for one in endpoints]
    box = Middlebox(**{key: _rule(key, value) for key, value in rules.items()})
    plan = LabPlan(endpoints=endpoints, middleboxes={_BOX: box}, routes=routes)
    try:
        check_plan(plan)
    except LabError as error:  # the same words; but here it is the command line that is wrong
        raise StresserError(*(f"--behaviour: {line}" for line in error.lines)) from error
    return plan


def _rule(key: str, value: Any) -> Any:

    if not isinstance(value, str) or isinstance(value, Kill):
        return value
    try:
        return Size.parse(value) if key == "byte_limit" else Duration.parse(value)
    except ValueError as error:
        raise StresserError(f"--{key.replace('_', '-')}: {error}") from error


def _endpoint(text: str) -> LabEndpoint:
    """`NAME/ARGUMENT` for wss where wss has it, else tls; `tls://NAME/ARGUMENT` to say which."""
    scheme, mark, rest = text.removeprefix("lab+").partition("://")
    name, _, argument = (rest if mark else scheme).partition("/")
    if not mark:
        tls_alone = name in known_behaviours("tls") and name not in known_behaviours("wss")
        scheme = "tls" if tls_alone else "wss"
    return LabEndpoint(name=text, scheme=scheme, behaviour=name, argument=argument)


def _serve(plan: LabPlan, *, as_json: bool) -> None:

    console = stdout_console()
    # A thread: a terminal that is stopped (Ctrl-S) must not stop the middlebox.
    kills = LineWriter(lambda line: _print_kill(console, line, as_json=as_json))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_wait_for_signal, nursery.cancel_scope)
            ready = await nursery.start(lambda **status: serve(plan, on_kill=kills.put, **status))
            _print_ready(console, plan, ready, as_json=as_json)

    with until_reader_leaves(console):
        try:
            trio.run(main)
        except* BrokenPipeError:
            raise BrokenPipeError from None
        finally:
            kills.close()


async def _wait_for_signal(scope: trio.CancelScope) -> None:

    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()


def _print_ready(console: Console, plan: LabPlan, ready: LabReady, *, as_json: bool) -> None:

    if as_json:
        console.file.write(encode_message(ready).decode())
        console.file.flush()
        return
    console.print(_table(plan, ready))
    facts = {
        "server name": ready.server_name,
        "CA of the endpoints": ready.ca_file,
        "CA of an intercepting middlebox": ready.inspection_ca_file,
    }
    for what, fact in facts.items():
        console.print(f"{what}: {fact}", markup=False, highlight=False, soft_wrap=True)
    console.print("\nAs a scenario:\n", markup=False)
    console.print(lab_scenario_text(ready), markup=False, highlight=False, soft_wrap=True)
    console.print("Ctrl-C ends the lab. What the middlebox kills:", markup=False)


def _table(plan: LabPlan, ready: LabReady) -> Table:

    table = Table("endpoint", "direct", "through the middlebox", box=None, pad_edge=False)
    ports = {(one.endpoint, one.egress): one.port for one in ready.addresses}
    for one in plan.endpoints:
        urls = (f"{one.scheme}://127.0.0.1:{ports[one.name, egress]}" for egress in (None, _BOX))
        table.add_row(escape(one.name), *urls)
    return table


def lab_scenario_text(ready: LabReady) -> str:
    """A scenario (TOML) that holds sessions to the WebSocket echo, with and without the box."""
    blocks = ['name = "lab"\n\n[sessions]\ncount = 10\n\n[activity]\nevery = "1s"\n']
    for one in ready.addresses:
        if one.endpoint == _ECHO:
            name = "direct" if one.egress is None else one.egress
            url = f"wss://{one.host}:{one.port}/"
            # A JSON string is a TOML basic string (toml.io, v1.0, String).
            pairs = {"name": name, "url": url, "ca": ready.ca_file, "sni": ready.server_name}
            lines = [f"{key} = {dumps(value)}\n" for key, value in pairs.items()]
            blocks.append("".join(["[[endpoints]]\n", *lines]))
    return "\n".join(blocks)


def _print_kill(console: Console, line: bytes, *, as_json: bool) -> None:

    text = line.decode()
    if not as_json:
        kill = decode_kill(line)
        if isinstance(kill, KillsLost):
            text = f"{kill.kills_lost} more were not shown: this terminal was too slow\n"
        else:
            idle = format_duration(kill.idle_ns)
            text = (
                f"{format_utc(kill.at_unix_ns)}  {kill.rule}: {kill.kill} to port "
                f"{kill.client_port} <-> {shown(kill.endpoint)}, idle for {idle}\n"
            )
    console.file.write(text)
    console.file.flush()
