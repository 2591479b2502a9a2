"""Damaged run folders: shown, listed, reported and bundled, or refused in one line."""

import os
import random
import shutil
from pathlib import Path

import pytest

from stresser.analysis.summary.summary import summarise
from stresser.analysis.views.run_report import gather_report
from stresser.bundle.evidence_zip import RedactedChanges
from stresser.bundle.folder_copy import copy_run
from stresser.record.folder import RunFolder
from stresser.record.reader import open_run
from stresser.record.repair import repair
from stresser.record.run_list import listed_run
from stresser.record.segments import next_closed, pack_closed
from stresser.record.worker_folders import folders_of
from stresser.report.page import html_page
from tests.bundle.rich_run import rich_story
from tests.fuzz.damage import Rounds, damaged, only_mistakes
from tests.record.worker_runs import recorded_by, samples_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]


@pytest.fixture
def folder(tmp_path):
    return rich_story().recorded(tmp_path / "20261123T000000Z-night").folder


@pytest.fixture
def of_workers(tmp_path):
    """Each of three has its own segments; one was killed while it wrote an interval."""
    story = rich_story()
    folder = recorded_by(
        3, tmp_path / "20261123T000000Z-night", story.events, samples_of(story)
    ).folder
    folder.worker(2).partial.write_bytes(folder.worker(2).histograms.read_bytes())
    return folder


def files_of(folder):
    """The events are in two segments, the first of them compressed."""
    begun = folder.events.read_bytes().splitlines(keepends=True)
    half = len(begun) // 2
    next_closed(folder.events).write_bytes(b"".join(begun[:half]))
    pack_closed(folder.events)
    folder.events.write_bytes(b"".join(begun[half:]))
    packed = next(folder.path.glob("events-*"))
    paths = [folder.manifest, folder.events, packed, folder.histograms, folder.partial]
    return [path for path in paths if path.exists()]


def test_a_damaged_file_is_no_traceback(folder: RunFolder, tmp_path):
    read_damaged(folder, Rounds("folders"), tmp_path)


def test_nor_is_one_of_a_worker(of_workers: RunFolder, tmp_path):
    read_damaged(of_workers, Rounds("workers"), tmp_path)


def read_damaged(folder: RunFolder, rounds: Rounds, tmp_path: Path) -> None:
    whole = {path: path.read_bytes() for one in folders_of(folder) for path in files_of(one)}
    before = sorted(tmp_path.iterdir())
    for number, dice in enumerate(rounds):
        path = dice.choice(list(whole))
        path.write_bytes(damaged(whole[path], dice))
        with only_mistakes(path.read_bytes()):
            listed_run(folder.path)
            summarise(open_run(folder.path))
        if number % 4 == 0:
            with only_mistakes(path.read_bytes()):
                html_page(gather_report([open_run(folder.path)], None))
        with only_mistakes(path.read_bytes()):
            copy_run(open_run(folder.path), tmp_path / "copies" / str(number), RedactedChanges())
        path.write_bytes(whole[path])
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "copies"])


def test_what_lies_among_the_workers_may_be_anything(of_workers: RunFolder, tmp_path):
    whole = tmp_path / "whole"
    of_workers.path.rename(whole)
    for number, dice in enumerate(Rounds("among workers")):
        path = tmp_path / "now"
        shutil.copytree(whole, path)
        among = [one for one in path.rglob("*") if "workers" in one.parts]
        for one in dice.sample(among, dice.randint(1, 4)):
            if os.path.lexists(one):
                put_in_place(one, dice)
        with only_mistakes(repr(sorted(path.rglob("*"))).encode()):
            listed_run(path)
            summarise(open_run(path))
        with only_mistakes(repr(sorted(path.rglob("*"))).encode()):
            copy_run(open_run(path), tmp_path / "copies" / str(number), RedactedChanges())
        with only_mistakes(repr(sorted(path.rglob("*"))).encode()):
            repair(RunFolder(path))
        assert (whole / "workers" / "1" / "events.jsonl").stat().st_nlink == 1
        shutil.rmtree(path)


def put_in_place(path: Path, dice: random.Random) -> None:
    """Something else, or nothing, or the same by another name."""
    other = path.with_name(dice.choice(("0", "65", "999999", "x", "01", "events.jsonl", "7")))
    what = dice.randrange(6)
    if what == 0 and not os.path.lexists(other):
        path.rename(other)
        return
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    match what:
        case 1:
            path.symlink_to(dice.choice(("/etc", "/dev/zero", "..", "1", "nowhere")))
        case 2:
            os.mkfifo(path)
        case 3:
            path.mkdir()
        case 4:
            path.write_bytes(dice.choice((b"", b"{", b"\n" * 1000)))
        case _:
            pass
