"""`stresser join`: what it refuses. A whole join is in test_reflect.py."""

import pytest

from stresser.cli.join import join
from stresser.model.errors import RunFolderError
from tests.analysis.story import idle_kill_story


def test_two_runs_are_no_two_ends(tmp_path):
    run = idle_kill_story().recorded(tmp_path / "run")
    with pytest.raises(RunFolderError, match="is no record of `stresser reflect`"):
        join(str(run.path), str(run.path))
    assert not (run.path / "joined.json").exists()


def test_a_folder_that_is_none_is_told(tmp_path):
    with pytest.raises(RunFolderError, match="there is no such run"):
        join(str(tmp_path / "none"), str(tmp_path / "none"))
