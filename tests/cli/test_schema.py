"""`stresser schema` prints JSON Schema."""

import json

import pytest

from stresser.cli.schema import Which, schema


@pytest.mark.parametrize("which", Which)
def test_it_prints_one_json_document(which, capsys):
    schema(which)
    printed = json.loads(capsys.readouterr().out)
    assert printed["$schema"].startswith("https://json-schema.org/")
    assert len(printed["$defs"]) > 5
