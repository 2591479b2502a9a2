"""The schemas are valid, admit what stresser admits and name every key."""

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from stresser.scenario.decode import decode_scenario
from stresser.scenario.field_rules import RANGES
from stresser.scenario.json_schema import TABLES, field_docs, scenario_schema
from stresser.scenario.plan import Endpoint, Sessions, Timeouts

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").glob("*.toml"))
CHECK = jsonschema.Draft202012Validator(scenario_schema())
MINIMAL = {"name": "s", "endpoints": [{"name": "e", "url": "wss://h"}]}


def test_it_is_a_valid_json_schema():
    schema = scenario_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_obey_it(path):
    CHECK.validate(tomllib.loads(path.read_text()))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"activity": {"kind": "silent"}},
        {"activities": [{"name": "a"}]},
        {"sessions": {"workers": 64}},
        {"sessions": {"workers": "auto"}},
        {"sessions": {"reconnect": False}},
        {"sessions": {"reconnect": {"jitter": 1}}},
        {"timeouts": {"tls": "1m30s"}},
        {"egresses": [{"name": "m", "lab": {"idle_timeout": "4s", "byte_limit": "64KiB"}}]},
    ],
)
def test_what_stresser_admits_the_schema_admits(change):
    CHECK.validate(MINIMAL | change)


@pytest.mark.parametrize(
    "change",
    [
        {"activity": {}, "activities": [{}]},
        {"endpoints": []},
        {"endpoints": [{"name": "e"}]},
        {"endpoints": [{"name": "e", "url": "htp://x"}]},
        {"name": "a b"},
        {"sessions": {"coutn": 1}},
        {"sessions": {"count": 0}},
        {"sessions": {"count": 1.5}},
        {"sessions": {"workers": 0}},
        {"sessions": {"workers": 65}},
        {"sessions": {"workers": "all"}},
        {"sessions": {"reconnect": True}},
        {"sessions": {"reconnect": {"jitter": 2}}},
        {"timeouts": {"tls": 10}},
        {"timeouts": {"tls": "10"}},
        {"egresses": [{"name": "p", "proxy": "http://p"}]},
        {"egresses": [{"name": "m", "lab": {"kill": "rst"}}]},
        {"thresholds": {"drops": 0}},
    ],
)
def test_what_stresser_refuses_the_schema_refuses(change):
    assert not CHECK.is_valid(MINIMAL | change)


def test_every_table_is_described_and_every_key_is_there():
    schema = scenario_schema()
    for cls in TABLES[1:]:
        definition = schema["$defs"][cls.__name__]
        assert definition["description"]
        assert list(definition["properties"]) == list(cls.__struct_fields__)


def test_defaults_stand_as_a_file_writes_them():
    schema = scenario_schema()
    assert schema["$defs"]["Timeouts"]["properties"]["tls"]["default"] == "10s"
    assert schema["$defs"]["Reconnect"]["properties"]["max"]["default"] == "1m"
    assert "default" not in schema["$defs"]["Endpoint"]["properties"]["sni"]
    written = {
        name: value["default"] for name, value in schema["$defs"]["Timeouts"]["properties"].items()
    }
    toml = "".join(f'{name} = "{value}"\n' for name, value in written.items())
    data = f'name="s"\n[[endpoints]]\nname="e"\nurl="wss://h"\n[timeouts]\n{toml}'
    assert decode_scenario(data.encode(), "x").timeouts == Timeouts()


def test_descriptions_are_the_docstrings_of_the_fields():
    assert field_docs(Sessions)["count"] == "For each endpoint, egress and activity."
    properties = scenario_schema()["$defs"]["Endpoint"]["properties"]
    assert properties["headers"]["description"] == field_docs(Endpoint)["headers"]
    assert "env:NAME" in properties["headers"]["description"]
    assert set(RANGES)
