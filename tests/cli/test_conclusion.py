"""What a run is concluded with is loaded when it has ended."""

import subprocess
import sys


def modules_after(statement):
    program = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_a_run_begins_without_what_analyses_it():
    loaded = modules_after("import stresser.cli.run")
    assert "stresser.cli.execution" in loaded
    unwanted = {"stresser.cli.conclusion", "stresser.analysis.summary.summary"}
    assert loaded & unwanted == set()
    assert [name for name in loaded if name.startswith("stresser.analysis.diagnosis")] == []
