"""The `stresser` command: its parts, and what becomes of what they raise.

Each command is a function in the module of its name. That module imports at its top whatever the
command needs, and is itself imported when the command is called: `stresser --help`, and
completion of a command's name, load nothing but this module.
"""

import gc
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from stresser import __version__
from stresser.cli.streams import flushed, ready_streams, tell_stderr, tell_unwritable, unwritable
from stresser.model.errors import ExitCode, StresserError
from stresser.run.early_stop import heed_as_usual

COMMANDS: Final = {
    "run": "Hold the sessions of a scenario and record every ending.",
    "init": "Write a commented scenario to fill in.",
    "check": "Try each phase to each endpoint once: proxy, TLS, chain, HTTP.",
    "idle": "Find each egress's limits of silence, age and bytes.",
    "show": "Print the summary of a recorded run.",
    "runs": "List the recorded runs, newest first.",
    "compare": "Say whether one run, or one egress, is worse than another.",
    "report": "Write what was found as one file: HTML, Markdown, JSON, JUnit.",
    "export": "Write sessions, attempts and drops as tables: CSV or Parquet.",
    "verify": "Compute a bundle's figures again from the events in it.",
    "explain": "Print the rules and mechanisms by which stresser names causes.",
    "citrix": "Make a scenario of Citrix Cloud from the vendor's allowlist.",
    "lab": "Serve endpoints and a misbehaving middlebox on 127.0.0.1.",
    "doctor": "Say what this machine can witness and hold.",
    "completion": "Print a shell's script for completing this command.",
    "reflect": "Serve the far end: echo sessions, record how each ended.",
    "join": "Join a run with a reflector's record of it.",
    "schema": "Print a JSON Schema: scenario files, events or summary.json.",
}
"""The first line of each command's docstring, by its name: `stresser/cli/<name>.py`, `<name>`."""

COMPLETE: Final = "_STRESSER_COMPLETE"
"""Set in the environment by a completion script: it says which shell asks for words."""
_OBEYING: Final = frozenset({"run", "check", "idle", "reflect"})
"""Commands that set handlers of their own, and have nothing to clean up before that."""
_EPILOG = (
    "Exit codes: 0 pass, 1 fail, 2 bad input, 3 inconclusive, 4 a bug in stresser, 130 forced stop."
)
_PLAIN: Final[dict[str, Any]] = {
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
}


class _FromText:
    """Makes a parameter's value without pydantic: that takes 8 MB and a tenth of a run's start.

    What `make` refuses is for typer's own way, which has the words for it.
    """

    def __init__(self, make: Callable[[Any], Any], otherwise: Callable[[], Any]) -> None:
        self._make, self._otherwise = make, otherwise

    def coerce(self, value: Any, *, param: Any, ctx: Any) -> Any:
        """As typer's own parameters do."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        try:
            return self._make(value)
        except ValueError:
            return self._otherwise().coerce(value, param=param, ctx=ctx)


def _default_number(value: Any) -> int:
    if isinstance(value, int):
        return value
    raise ValueError


_MADE_OF_TEXT: Final[dict[str, Callable[[Any], Any]]] = {
    repr(kind): make
    for kind, make in (
        (str, str), (Path, Path), (list[str], list), (tuple[str, str], tuple), (bool, bool),
        (int, _default_number),
    )
}  # fmt: skip


def without_pydantic(params: list[Any]) -> list[Any]:
    """The same parameters; as they are where a typer describes their types in another way."""
    for param in params:
        kind = getattr(getattr(param, "type_descriptor", None), "annotation", None)
        is_choice = isinstance(kind, type) and issubclass(kind, Enum)
        make = kind if is_choice else _MADE_OF_TEXT.get(repr(kind))
        if make is not None:
            param.get_runtime_param = partial(_FromText, make, param.get_runtime_param)
    return params


class _Command(TyperCommand):
    """One command, when it is called."""

    def get_params(self, ctx: Any) -> list[Any]:
        return without_pydantic(super().get_params(ctx))


class _LateCommands(TyperGroup):
    """Lists commands by their first lines, and imports the one that is called."""

    def get_params(self, ctx: Any) -> list[Any]:
        return without_pydantic(super().get_params(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        return name, found and _imported(str(found.name)), rest


def _imported(name: str) -> Any:
    function = getattr(import_module(f"stresser.cli.{name}"), name)
    if not gc.isenabled():  # the entry point's doing; what was imported stays
        gc.freeze()
        gc.enable()
    if name not in _OBEYING:
        heed_as_usual()
    # What it raises is for who calls it in Python.
    text = inspect.cleandoc(function.__doc__ or "").partition("\nRaises:")[0].strip()
    single = typer.Typer(**_PLAIN)
    single.command(name, cls=_Command, help=text)(function)
    return typer.main.get_command(single)


app = typer.Typer(
    name="stresser",
    cls=_LateCommands,
    help="Hold TLS and WebSocket sessions, date and name every ending, say what killed them.",
    epilog=_EPILOG,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    **_PLAIN,
)


def _stub() -> None:
    """Stands in the list for a command that is not imported."""


for _name, _first_line in COMMANDS.items():
    app.command(_name, help=_first_line)(_stub)


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
    ready_streams()
    sys.exit(flushed(_exit_code()))


def _exit_code() -> int:
    try:
        if COMPLETE in os.environ:
            import_module("typer.completion").completion_init()
        return int(app(standalone_mode=False, complete_var=COMPLETE) or 0)
    except (StresserError, TyperException) as exc:
        return _tell_mistake(exc)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.FORCED
    except BrokenPipeError:
        # The reader of our output went away (`stresser show | head`): nothing went wrong here.
        return ExitCode.PASS
    except Exception as exc:  # noqa: BLE001 - the last resort, told as what it is
        if lost := unwritable(exc):
            return tell_unwritable(lost)
        tell_stderr(traceback.format_exc().rstrip())
        tell_stderr("stresser: this is a bug in stresser; what was recorded is readable.")
        return ExitCode.BUG


def _tell_mistake(exc: StresserError | TyperException) -> int:
    if isinstance(exc, StresserError):
        tell_stderr(*exc.lines)
        return exc.exit_code
    # A mistake in the options is shown with the usage; `stresser` alone shows its help.
    show = getattr(exc, "show", None)
    if show is None:
        tell_stderr(exc.format_message())
    else:
        with suppress(OSError):
            show()
    return ExitCode.BAD_INPUT
