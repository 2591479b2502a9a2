"""What is written obeys the schema that is published, down to each figure."""

import json

import jsonschema
import pytest

from stresser.analysis.summary.summary import Summary, summarise
from stresser.analysis.summary.summary_schema import summary_schema
from stresser.record.folder import RunFolder
from stresser.record.summary_file import read_summary, write_summary
from tests.analysis.hostile_story import hostile_run
from tests.analysis.story import SCENARIO, idle_kill_story

CHECK = jsonschema.Draft202012Validator(summary_schema())


def _idle_kills(path):
    return idle_kill_story().recorded(path, scenario=SCENARIO | {"thresholds": {"drops": "= 0"}})


@pytest.mark.parametrize("recorded", [_idle_kills, hostile_run])
def test_a_summary_as_written_obeys_the_schema(recorded, tmp_path):
    summary = summarise(recorded(tmp_path / "run"))
    folder = RunFolder(tmp_path)
    write_summary(folder, summary)
    written = read_summary(folder)
    CHECK.validate(written)
    assert summary.diagnoses
    assert not CHECK.is_valid(written | {"verdict": "perhaps"})
    assert not CHECK.is_valid({**written, "diagnoses": [{"number": 1}]})


def test_it_is_a_valid_json_schema():
    jsonschema.Draft202012Validator.check_schema(summary_schema())
    assert json.loads(json.dumps(summary_schema())) == summary_schema()


def test_fields_are_described_those_within_and_those_of_a_base_too():
    defined = summary_schema()["$defs"]
    assert set(defined["Summary"]["properties"]) == set(Summary.__struct_fields__)
    assert "Why a pass cannot be trusted" in json.dumps(defined["Summary"])
    assert "description" in defined["Diagnosis"]["properties"]["against"]
    assert "description" in defined["LimitFigures"]["properties"]["of_egress"]
