"""`stresser` as a user calls it, in this process: where a process of its own is not the point."""

import io
import sys
from typing import NamedTuple

import pytest

from stresser.cli.main import main


class Said(NamedTuple):
    """What a command ended with."""

    code: int
    out: bytes
    err: str


class _Standing(io.BytesIO):
    """A console flushes and closes its stream as it likes; what was written stays readable."""

    def close(self) -> None:
        pass


def stresser_says(*words: str, stdin: bytes = b"", **environment: str) -> Said:
    """Run the command line `stresser WORDS...` to its exit code."""
    out, err = _Standing(), _Standing()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["stresser", *words])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        for name, stream in (("stdout", out), ("stderr", err)):
            patch.setattr(sys, name, io.TextIOWrapper(stream, encoding="utf-8"))
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.flush()
        sys.stderr.flush()
    said = Said(int(ended.value.code or 0), out.getvalue(), err.getvalue().decode())
    assert "Traceback" not in said.err
    return said
