"""`stresser init`: a template under the user's name, and never over a file of the user."""

import pytest

from stresser.cli.init import init
from stresser.cli.scenario_file import load_scenario, shipped_folder
from stresser.cli.templates import template_names
from stresser.model.errors import StresserError


@pytest.mark.parametrize("template", template_names())
def test_it_writes_a_scenario_that_loads_under_its_own_name(tmp_path, template, capsys):
    path = tmp_path / "monday.toml"
    init(str(path), template)
    assert load_scenario(str(path)).scenario.name == "monday"
    text = path.read_text()
    assert "stresser init monday.toml" in text
    assert "mine.toml" not in text
    assert f"stresser check {path}" in capsys.readouterr().out


def test_every_template_is_named_in_the_help():
    assert init.__doc__ is not None
    assert all(name in init.__doc__ for name in template_names())


def test_standard_output_gets_the_template_as_it_is(capsys):
    init("-", "own-endpoint")
    assert capsys.readouterr().out == (shipped_folder() / "own-endpoint.toml").read_text()


def test_a_file_that_exists_is_kept_unless_it_is_forced(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("mine")
    with pytest.raises(StresserError, match="exists; --force replaces it"):
        init(str(path))
    assert path.read_text() == "mine"
    init(str(path), force=True)
    assert load_scenario(str(path)).scenario.name == "mine"


@pytest.mark.parametrize(
    ("file", "template", "said"),
    [
        ("mine.toml", "vpn-vs-dirct", 'did you mean "vpn-vs-direct"?'),
        ("mine.toml", "quickstart", "templates are "),
        ("no/such/folder/mine.toml", "own-endpoint", "No such file or directory"),
        ("nul\0.toml", "own-endpoint", "no file's name"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, file, template, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StresserError) as caught:
        init(file, template)
    [line] = caught.value.lines
    assert said in line
    assert list(tmp_path.iterdir()) == []
