"""Where the limits that were measured of this machine are kept between commands.

`$XDG_STATE_HOME/stresser/limits.json`, or `~/.local/state/...` (XDG Base Directory Specification):
what another machine with the same home has measured is not taken for this one's.
"""

import os
import platform
from pathlib import Path

import msgspec
from msgspec import Struct

from stresser.model.errors import RunFolderError
from stresser.model.measured_limits import MeasuredLimits
from stresser.record.atomic_write import write_atomically
from stresser.record.manifest import read_small_file

_LARGEST = 1 << 16
_PRIVATE = 0o700


class _Kept(Struct, frozen=True, kw_only=True):
    host: str
    cores: int | None
    limits: MeasuredLimits


def limits_file() -> Path:
    """Its path, whether or not it is there."""
    state = os.environ.get("XDG_STATE_HOME", "")
    # Relative paths are to be ignored, says the specification.
    folder = Path(state) if os.path.isabs(state) else Path("~/.local/state").expanduser()  # noqa: PTH117 - of a text
    return folder / "stresser" / "limits.json"


def keep_limits(limits: MeasuredLimits) -> Path:
    """Write them for later runs; where.

    Raises:
        OSError: they cannot be kept.
    """
    path = limits_file()
    path.parent.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    kept = _Kept(host=platform.node(), cores=os.cpu_count(), limits=limits)
    write_atomically(path, msgspec.json.format(msgspec.json.encode(kept), indent=2) + b"\n")
    return path


def kept_limits() -> MeasuredLimits | None:
    """Those of this machine; None: it was not measured, or the file is damaged."""
    try:
        kept = msgspec.json.decode(read_small_file(limits_file(), _LARGEST), type=_Kept)
    except (RunFolderError, msgspec.MsgspecError, ValueError, RecursionError, RuntimeError):
        return None  # RuntimeError: there is no home
    is_ours = (kept.host, kept.cores) == (platform.node(), os.cpu_count())
    return kept.limits if is_ours else None
