"""`stresser reflect`: the far end, on any host with a port."""

import os
import sys
from pathlib import Path
from typing import Annotated

import trio
import typer

from stresser.cli.streams import tell_stderr
from stresser.lab.file_limit import raise_file_limit
from stresser.model.errors import ExitCode, ReflectorError
from stresser.net.listen_address import ListenAddress
from stresser.record.folder import RESULTS
from stresser.reflector.recorded import RecordedReflector, ReflectorPlan, context_of
from stresser.run.stop import StopSignals
from stresser.scenario.secrets import Secret, token_of


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
    where = _address(listen)
    proved = None if token is None else _token(token)
    if proved is None and not without_token and not where.is_loopback:
        raise ReflectorError(
            f"--listen {listen}: anybody may come there; give --token env:NAME, or say"
            " --without-token"
        )
    asked = ReflectorPlan(
        host=where.host,
        port=where.port,
        context=context_of(cert, key),
        token=proved,
        out=out,
        label=label,
    )
    raise_file_limit()
    with StopSignals() as signals:
        reflector = RecordedReflector(asked, sys.argv, tell_stderr)
        signals.begin()
        trio.run(reflector.run, signals.obey)
    if reflector.gap is not None:
        tell_stderr(str(reflector.gap))
        raise typer.Exit(ExitCode.INCONCLUSIVE)


def _address(listen: str) -> ListenAddress:
    try:
        return ListenAddress.parse(listen)
    except ValueError as error:
        raise ReflectorError(f"--listen {listen}: {error}") from None


def _token(written: str) -> Secret:
    try:
        return token_of(written, os.environ)
    except ValueError as error:
        raise ReflectorError(f"--token: {error}") from None
