"""`summary.json`: the findings at the end of a run, as a file. `analysis` makes them."""

from typing import Any

import msgspec
from msgspec import Struct

from stresser.model.errors import RunFolderError
from stresser.record.atomic_write import write_atomically
from stresser.record.folder import RunFolder, shown_path
from stresser.record.manifest import read_small_file

_LARGEST = 64 << 20


def write_summary(folder: RunFolder, summary: Struct | dict[str, Any]) -> None:
    """Replace the summary.

    Raises:
        RunFolderError: it cannot be written; an older one is still there.
    """
    text = msgspec.json.format(msgspec.json.encode(summary, enc_hook=str), indent=2)
    try:
        write_atomically(folder.summary, text + b"\n")
    except OSError as error:
        raise RunFolderError(
            f"{shown_path(folder.summary)}: cannot be written: {error.strerror}"
        ) from error


def read_summary(folder: RunFolder) -> dict[str, Any]:
    """Read the summary.

    Raises:
        RunFolderError: it is missing, cannot be read, or is no JSON object.
    """
    text = read_small_file(folder.summary, _LARGEST)
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RunFolderError(
            f"{shown_path(folder.summary)}: is not a summary: {str(error)[:200]}"
        ) from error
