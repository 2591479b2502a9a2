"""The `stresser` command: its parts, and what becomes of what they raise.

Nothing slow is imported here: `stresser --help` answers at once. Each command imports what it
needs when it is called.
"""

import inspect
import sys
import traceback
from collections.abc import Callable
from typing import Any

import typer
from typer.exceptions import TyperException

from stresser import __version__
from stresser.cli.check import check
from stresser.cli.citrix import citrix
from stresser.cli.compare import compare
from stresser.cli.doctor import doctor
from stresser.cli.explain import explain
from stresser.cli.lab import lab
from stresser.cli.report import report
from stresser.cli.run import run
from stresser.cli.schema import schema
from stresser.cli.show import show
from stresser.cli.verify import verify
from stresser.model.errors import ExitCode, StresserError

_EPILOG = (
    "Exit codes: 0 pass, 1 fail, 2 bad input, 3 inconclusive, 4 a bug in stresser, 130 forced stop."
)

app = typer.Typer(
    name="stresser",
    help="Hold TLS and WebSocket sessions, date and name every ending, say what killed them.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _help_of(command: Callable[..., Any]) -> str:
    """Its docstring for the user: what it raises is for who calls it in Python."""
    return inspect.cleandoc(command.__doc__ or "").partition("\nRaises:")[0].strip()


for _command in (run, check, show, compare, report, verify, explain, citrix, lab, doctor, schema):
    app.command(help=_help_of(_command))(_command)


def _tell_version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback signature
    if wanted:
        typer.echo(f"stresser {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: bool = typer.Option(
        False,  # noqa: FBT003 - typer's signature
        "--version",
        callback=_tell_version,
        is_eager=True,
        help="Print the version.",
    ),
) -> None:
    pass


def main() -> None:
    """Entry point: runs a command and ends the process with its exit code."""
    sys.exit(_exit_code())


def _exit_code() -> int:
    try:
        return int(app(standalone_mode=False) or 0)
    except (StresserError, TyperException) as exc:
        return _tell_mistake(exc)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.FORCED
    except BrokenPipeError:
        # The reader of our output went away (`stresser show | head`): nothing went wrong here.
        sys.stderr.close()
        return ExitCode.PASS
    except Exception:  # noqa: BLE001 - the last resort, told as what it is
        traceback.print_exc()
        sys.stderr.write("stresser: this is a bug in stresser; what was recorded is readable.\n")
        return ExitCode.BUG


def _tell_mistake(exc: StresserError | TyperException) -> int:
    if isinstance(exc, StresserError):
        sys.stderr.writelines(f"{line}\n" for line in exc.lines)
        return exc.exit_code
    # A mistake in the options is shown with the usage; `stresser` alone shows its help.
    show = getattr(exc, "show", None)
    if show is not None:
        show()
    else:
        sys.stderr.write(f"{exc.format_message()}\n")
    return ExitCode.BAD_INPUT
