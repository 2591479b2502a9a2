"""`workers/N/`: what each worker recorded, where more processes than one held a run's sessions.

Whoever made the folder may be hostile: real folders whose names are numbers that a run gives are
looked into, and nothing else. What else is there is said, and how much of that is bounded.
"""

import os
import stat
from itertools import islice
from pathlib import Path

from stresser.record.folder import RunFolder

MOST_WORKERS = 64
_MOST_LOOKED_AT = 1000
_WHY = "no folder of the run's own; it was not read"


def worker_folders(folder: RunFolder) -> dict[int, RunFolder]:
    """The folders of a run's workers by their numbers, in order; none where one process ran it."""
    if not _is_folder(folder.workers):
        return {}
    every = ((number, folder.worker(number)) for number in range(1, MOST_WORKERS + 1))
    return {number: worker for number, worker in every if _is_folder(worker.path)}


def folders_of(folder: RunFolder) -> list[RunFolder]:
    """The run's own folder, and those of its workers: each process wrote in one."""
    return [folder, *worker_folders(folder).values()]


def odd_workers(folder: RunFolder) -> list[str]:
    """What is in the place of workers' folders and is none, one sentence each."""
    if not os.path.lexists(folder.workers):
        return []
    if not _is_folder(folder.workers):
        return [f"{folder.workers.name}: is {_WHY}"]
    names = {str(number) for number in range(1, MOST_WORKERS + 1)}
    odd = [
        f"{folder.workers.name}/{number}: is {_WHY}"
        for number in sorted(map(int, names))
        if _is_no_folder(folder.worker(number).path)
    ]
    try:
        with os.scandir(folder.workers) as entries:
            others = sum(one.name not in names for one in islice(entries, _MOST_LOOKED_AT))
    except OSError as error:
        return [*odd, f"{folder.workers.name}: cannot be read: {error.strerror}"]
    if others:
        few = "or more " if others > _MOST_LOOKED_AT - len(names) else ""
        odd.append(f"{folder.workers.name}: {others} {few}names in it are no worker's")
    return odd


def missing_workers(folder: RunFolder, workers: int) -> list[str]:
    """Which folders of a run of so many workers are not there, in one sentence at most."""
    found = worker_folders(folder)
    lacking = [one for one in range(1, min(workers, MOST_WORKERS) + 1) if one not in found]
    if workers == 1 or not lacking:
        return []
    which = ", ".join(map(str, lacking))
    return [f"{folder.workers.name}: the folders of {len(lacking)} workers are missing ({which})"]


def _is_folder(path: Path) -> bool:
    """Itself: a link to a folder leads out of the run."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def _is_no_folder(path: Path) -> bool:
    mode = _mode(path)
    return mode is not None and not stat.S_ISDIR(mode)


def _mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except OSError:
        return None
