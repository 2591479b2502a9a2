"""`stresser runs`: newest first, and what is left out is said."""

import json

import pytest

from stresser.cli.runs import runs
from tests.analysis.story import VPN, Story


@pytest.fixture
def results(tmp_path):
    for minute in range(3):
        story = Story([VPN], 1)
        story.opens(VPN, 0)
        story.stops(60)
        story.recorded(tmp_path / f"20261123T00{minute:02}00Z-made-up")
    (tmp_path / "notes").mkdir()
    return tmp_path


def test_newest_first(results, capsys):
    runs(json=True, results=results)
    out, err = capsys.readouterr()
    names = [run["name"] for run in json.loads(out)]
    assert names == [f"20261123T00{minute:02}00Z-made-up" for minute in (2, 1, 0)]
    assert err == ""


@pytest.mark.parametrize(("newest", "shown", "said"), [(2, 2, "1 older"), (0, 3, "")])
def test_older_ones_are_counted(results, capsys, newest, shown, said):
    runs(newest=newest, results=results)
    out, err = capsys.readouterr()
    assert out.count("Z-made-up") == shown
    assert said in err


@pytest.mark.parametrize("as_json", [False, True])
def test_no_run_is_no_mistake(tmp_path, capsys, as_json):
    runs(json=as_json, results=tmp_path / "results")
    out, err = capsys.readouterr()
    assert out == ("[]\n" if as_json else "")
    assert "there is no run in it yet" in err
