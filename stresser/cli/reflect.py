"""`stresser reflect`: the far end, on any host with a port."""

import ipaddress
import os
import sys
from pathlib import Path
from typing import Annotated

import trio
import typer

from stresser.cli.streams import tell_stderr
from stresser.lab.file_limit import raise_file_limit
from stresser.model.errors import ExitCode, ReflectorError
from stresser.record.folder import RESULTS
from stresser.reflector.recorded import RecordedReflector, ReflectorPlan, context_of
from stresser.run.stop import StopSignals
from stresser.scenario.secrets import Secret, token_of

_LARGEST_PORT = 65_535


def reflect(
    listen: Annotated[str, typer.Option(metavar="ADDR:PORT", help="Where to listen.")],
    cert: Annotated[Path, typer.Option(help="Certificate chain, leaf first, PEM.")],
    key: Annotated[Path, typer.Option(help="The leaf's private key, PEM.")],
    token: Annotated[
        str | None,
        typer.Option(
            help="env:NAME: the token by which testers name themselves; 16 characters or more."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the reflector's folder is made.")] = RESULTS,
    label: Annotated[str | None, typer.Option(help="Added to the folder's name.")] = None,
    *,
    without_token: Annotated[
        bool,
        typer.Option("--without-token", help="Serve strangers on a public address, too."),
    ] = False,
) -> None:
    """Serve the far end: echo sessions, record how each ended.

    WSS and bare TLS on one port. Sessions of a scenario whose endpoint has `reflector = { token =
    "env:NAME" }` name themselves; `stresser join RUN FOLDER` then judges by both
    ends. Ctrl-C ends it.

    Raises:
        StresserError: the address, the certificate or the token cannot be used.
    """
    host, port = _address(listen)
    proved = None if token is None else _token(token)
    if proved is None and not without_token and not _is_private(host):
        raise ReflectorError(
            f"--listen {listen}: anybody may come there; give --token env:NAME, or say"
            " --without-token"
        )
    asked = ReflectorPlan(
        host=host, port=port, context=context_of(cert, key), token=proved, out=out, label=label
    )
    raise_file_limit()
    with StopSignals() as signals:
        reflector = RecordedReflector(asked, sys.argv, tell_stderr)
        signals.begin()
        trio.run(reflector.run, signals.obey)
    if reflector.gap is not None:
        tell_stderr(str(reflector.gap))
        raise typer.Exit(ExitCode.INCONCLUSIVE)


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or not 0 <= int(port) <= _LARGEST_PORT:
        raise ReflectorError(f"--listen {listen}: write ADDRESS:PORT, as in 0.0.0.0:443")
    return host.strip("[]"), int(port)


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _token(written: str) -> Secret:
    try:
        return token_of(written, os.environ)
    except ValueError as error:
        raise ReflectorError(f"--token: {error}") from None
