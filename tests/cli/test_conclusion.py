"""What a run is concluded with is loaded when it has ended."""

import subprocess
import sys

import pytest


def modules_after(statement):
    program = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_a_run_begins_without_what_analyses_it():
    loaded = modules_after("import stresser.cli.run")
    assert "stresser.cli.execution" in loaded
    unwanted = {"stresser.cli.conclusion", "stresser.analysis.summary.summary", "structlog"}
    assert loaded & unwanted == set()
    assert [name for name in loaded if name.startswith("stresser.analysis.diagnosis")] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["run", "missing.toml", "--set", "a=1", "--set", "b=2", "--out", "x", "--quiet"],
        ["show", "missing", "--full"],
        ["report", "missing", "--egress", "a", "b", "--format", "json", "--bundle", "x.zip"],
    ],
    ids=lambda words: words[0],
)
def test_options_are_read_without_pydantic(words):
    read = "from stresser.cli.main import app\ntry: app({}, standalone_mode=False)\nexcept {}: pass"
    program = read.format(words, "StresserError")
    loaded = modules_after(f"from stresser.model.errors import StresserError\n{program}\npass")
    assert f"stresser.cli.{words[0]}" in loaded
    assert "pydantic" not in loaded
