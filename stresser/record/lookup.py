"""Finds the run that a user names: a path, a folder's name under `results/`, or `last`."""

import difflib
import re
from pathlib import Path

from stresser.model.errors import RunFolderError
from stresser.model.units import shown
from stresser.record.folder import RUN_NAME, RunFolder, shown_path
from stresser.record.manifest import read_manifest
from stresser.record.segments import has_segments
from stresser.record.worker_folders import folders_of, worker_folders

_LAST = "last"
_LONGEST_NAME = 200
_NUMBER = re.compile(r"([0-9]+)")


def resolve_run(text: str, results_dir: Path) -> Path:
    """The run folder that `text` names. A path to something in a run folder names the run.

    Raises:
        RunFolderError: there is no such run; the nearest name is suggested.
    """
    if text == _LAST:
        return _last(results_dir)
    for path in (Path(text), results_dir / text) if text else ():
        try:
            if path.is_dir():
                return _run_around(path)
            if path.is_file():
                return _run_around(path.parent)
        except (OSError, ValueError):
            continue  # too long, or with a NUL in it: no name of ours
    raise RunFolderError(f"{shown(text)}: there is no such run{_suggestion(text, results_dir)}")


def _run_around(path: Path) -> Path:
    """The run whose worker's folder this is: alone it would be a part that looks like a run."""
    around = path.resolve().parent
    workers = worker_folders(RunFolder(around.parent)).values() if around.name == "workers" else ()
    return next((around.parent for one in workers if one.path == path.resolve()), path)


def list_runs(results_dir: Path) -> list[Path]:
    """The run folders in `results_dir`, oldest first; none where it does not exist.

    Raises:
        RunFolderError: it cannot be read.
    """
    try:
        found = [p for p in results_dir.iterdir() if RUN_NAME.fullmatch(p.name) and p.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunFolderError(
            f"{shown_path(results_dir)}: cannot be read: {error.strerror}"
        ) from error
    return sorted(found, key=_by_start)


def has_begun(folder: RunFolder) -> bool:
    """Whether anything of a run is in it. One that was killed as it began left its reserve."""
    return folder.manifest.exists() or has_records(folder)


def has_records(folder: RunFolder) -> bool:
    """Whether a process of a run recorded anything in it."""
    return any(has_segments(one.events) or one.histograms.exists() for one in folders_of(folder))


def _by_start(path: Path) -> tuple[list[str], list[int]]:
    """In the order of time, then of the number that tells runs of one second apart."""
    parts = _NUMBER.split(path.name)
    return parts[0:4], [int(number) for number in parts[5::2]]


def _last(results_dir: Path) -> Path:
    for path in reversed(list_runs(results_dir)):
        folder = RunFolder(path)
        if has_begun(folder) and not _is_reflectors(folder):
            return path
    raise RunFolderError(f"{shown_path(results_dir)}: there is no run in it yet")


def _is_reflectors(folder: RunFolder) -> bool:
    try:
        return read_manifest(folder.manifest).listened is not None
    except RunFolderError:  # a run that lost its manifest is a run
        return False


def _suggestion(text: str, results_dir: Path) -> str:
    names = [path.name for path in list_runs(results_dir)]
    containing = [name for name in reversed(names) if text in name]
    near = containing or difflib.get_close_matches(text[:_LONGEST_NAME], names)
    if near:
        return f"; did you mean {shown(near[0], _LONGEST_NAME)}?"
    return f" in {shown_path(results_dir)}"
