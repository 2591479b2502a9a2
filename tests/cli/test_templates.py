"""What of a template was not changed, and what counts as a change."""

import pytest

from stresser.cli.scenario_file import load_scenario, shipped_folder, shipped_names
from stresser.cli.templates import refuse_untouched, template_names
from stresser.model.errors import ScenarioError
from stresser.model.units import NS_PER_S

BROKER = 'url = "wss://broker.example.net/connect"'


def mistakes_of(named, overrides=()):
    try:
        refuse_untouched(load_scenario(str(named), overrides))
    except ScenarioError as error:
        return list(error.lines)
    return []


def test_the_quickstart_alone_runs_as_it_is():
    assert set(shipped_names()) - set(template_names()) == {"quickstart"}
    assert mistakes_of("quickstart") == []


ON_THE_LAB = {"azure-relay-like", "signalr"}


@pytest.mark.parametrize("name", sorted(ON_THE_LAB))
def test_a_template_of_the_lab_runs_as_it_is_too(name):
    assert name in template_names()
    assert mistakes_of(name) == []
    assert 0 < (load_scenario(name).scenario.duration or 0) <= 60 * NS_PER_S


@pytest.mark.parametrize("name", sorted(set(template_names()) - ON_THE_LAB))
def test_a_template_is_refused_as_it_is(name):
    mistakes = mistakes_of(name)
    marked = (shipped_folder() / f"{name}.toml").read_text().count("# CHANGE")
    assert len(mistakes) == marked > 0
    assert all("is still the template's" in line for line in mistakes)


def test_each_value_is_named_with_its_line(tmp_path):
    template = (shipped_folder() / "own-endpoint.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(template.replace('"eth0"', '"eth7"').replace("gateway.example.net", "g.test"))
    number = template.splitlines().index(f"{BROKER}   # CHANGE") + 1
    broker, tunnel = mistakes_of(path)
    assert broker == (
        f"{path}: line {number}: endpoints.broker.url is still the template's \"wss://broker"
        '.example.net/connect"; change it, or delete the word CHANGE where it is right'
    )
    assert 'egresses.vpn.interface is still the template\'s "tun0"' in tunnel


@pytest.mark.parametrize(
    ("line", "overrides"),
    [
        (BROKER, []),  # the mark is gone: it is meant
        ('url = "wss://broker.corp.test/"  # CHANGE', []),
        (f"{BROKER}  # CHANGE", ["endpoints.broker.url=wss://broker.corp.test/"]),
        (f"{BROKER}  # CHANGE", ["endpoints[0].url=wss://broker.corp.test/"]),
        ('url = "wss://broker.corp.test/connect"  # CHANGE: before the release', []),
    ],
)
def test_what_was_changed_is_no_template_any_more(tmp_path, line, overrides):
    path = tmp_path / "mine.toml"
    path.write_text(f'name = "mine"\n[[endpoints]]\nname = "broker"\n{line}\n')
    assert mistakes_of(path, overrides) == []
