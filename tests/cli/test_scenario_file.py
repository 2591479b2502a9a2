"""Finding, reading and changing scenario files from the command line."""

from pathlib import Path

import pytest

from stresser.cli.scenario_file import (
    ca_file,
    find_scenario,
    load_scenario,
    shipped_folder,
    shipped_names,
)
from stresser.model.errors import ScenarioError
from stresser.scenario.decode import LARGEST_FILE

MINIMAL = 'name = "s"\n[[endpoints]]\nname = "e"\nurl = "lab+wss://echo"\n'


def lines_of(named, overrides=()):
    with pytest.raises(ScenarioError) as caught:
        load_scenario(named, overrides)
    return list(caught.value.lines)


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_scenario_loads_by_name_and_has_comments(name):
    loaded = load_scenario(name)
    assert loaded.scenario.name == name
    assert loaded.path == shipped_folder() / f"{name}.toml"
    comments = [line for line in loaded.path.read_text().splitlines() if "#" in line]
    assert len(comments) >= 10


def test_the_quickstart_needs_no_network_and_less_than_a_minute():
    scenario = load_scenario("quickstart").scenario
    assert scenario.duration is not None
    assert scenario.duration.seconds < 60
    assert all(endpoint.url.startswith("lab+") for endpoint in scenario.endpoints)
    assert all(not egress.interface and not egress.source for egress in scenario.egresses)
    idle_kills = [egress.lab.idle_timeout or 0 for egress in scenario.egresses if egress.lab]
    assert idle_kills
    assert max(idle_kills) < scenario.activities[0].every


def test_a_path_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL)
    loaded = load_scenario(str(path), ["sessions.count=20", "sessions.count=30"])
    assert loaded.scenario.sessions.count == 30
    assert loaded.path == path


def test_a_file_goes_before_a_shipped_name_and_a_folder_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart").mkdir()
    assert find_scenario("quickstart").parent == shipped_folder()
    (tmp_path / "quickstart").rmdir()
    (tmp_path / "quickstart").write_text(MINIMAL)
    assert load_scenario("quickstart").scenario.name == "s"


@pytest.mark.parametrize(
    ("named", "line"),
    [
        ("quikstart", 'did you mean "quickstart"?'),
        ("scenarios/quikstart.toml", 'did you mean "quickstart"?'),
        ("zzz", "shipped scenarios are "),
        ("", 'no file ""'),
        ("\x1b[31m", '"\\x1b[31m"'),
        ("x" * 5000, "is not the path of a file"),
    ],
)
def test_an_unknown_name_is_one_line(named, line):
    [found] = lines_of(named)
    assert line in found
    assert found.isprintable()


def test_a_folder_is_no_scenario(tmp_path):
    [line] = lines_of(str(tmp_path))
    assert line.endswith("is a folder, not a scenario file")


def test_an_unreadable_file_is_one_line(tmp_path):
    path = tmp_path / "loop.toml"
    path.symlink_to(path)
    [line] = lines_of(str(path))
    assert line.isprintable()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero on this system")
def test_an_endless_file_is_read_to_the_limit_only():
    [line] = lines_of("/dev/zero")
    assert "more than 1 MiB" in line
    assert LARGEST_FILE < 2**21


def test_mistakes_name_the_file_and_the_options(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL + "[sesions]\n")
    assert lines_of(str(path), ["sessions.count=none"]) == [
        f'{path}: sesions: unknown key; did you mean "sessions"?',
        '--set sessions.count: must be a whole number, not "none"',
    ]
    assert lines_of(str(path), ["x", "=y"]) == [
        '--set: "x" is not KEY=VALUE; write for example sessions.count=20',
        '--set: "=y" is not KEY=VALUE; write for example sessions.count=20',
    ]


def test_an_unknown_lab_behaviour_is_a_mistake(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL.replace("echo", "ecko"))
    [line] = lines_of(str(path))
    assert line.startswith(f"{path}: endpoints[0].url: ")
    assert "echo" in line


def test_a_ca_file_is_relative_to_the_scenario(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL + 'ca = "root.pem"\n')
    [line] = lines_of(str(path))
    assert line.startswith(f'{path}: endpoints.e.ca: there is no file "root.pem"')
    (tmp_path / "root.pem").write_text("")
    endpoint = load_scenario(str(path)).scenario.endpoints[0]
    assert endpoint.ca is not None
    assert ca_file(endpoint.ca, path) == tmp_path / "root.pem"
