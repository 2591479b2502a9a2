"""Damaged run folders: shown, listed, reported and bundled, or refused in one line."""

import pytest

from stresser.analysis.summary.summary import summarise
from stresser.analysis.views.run_report import gather_report
from stresser.bundle.evidence_zip import RedactedChanges
from stresser.bundle.folder_copy import copy_run
from stresser.record.folder import RunFolder
from stresser.record.reader import open_run
from stresser.record.run_list import listed_run
from stresser.record.segments import next_closed, pack_closed
from stresser.report.page import html_page
from tests.bundle.rich_run import rich_story
from tests.fuzz.damage import Rounds, damaged, only_mistakes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]


@pytest.fixture
def folder(tmp_path):
    return rich_story().recorded(tmp_path / "20261123T000000Z-night").folder


def files_of(folder):
    """The events are in two segments, the first of them compressed."""
    begun = folder.events.read_bytes().splitlines(keepends=True)
    half = len(begun) // 2
    next_closed(folder.events).write_bytes(b"".join(begun[:half]))
    pack_closed(folder.events)
    folder.events.write_bytes(b"".join(begun[half:]))
    packed = next(folder.path.glob("events-*"))
    paths = [folder.manifest, folder.events, packed, folder.histograms, folder.summary]
    return [path for path in paths if path.exists()]


def test_a_damaged_file_is_no_traceback(folder: RunFolder, tmp_path):
    whole = {path: path.read_bytes() for path in files_of(folder)}
    before = sorted(tmp_path.iterdir())
    for number, dice in enumerate(Rounds("folders")):
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
