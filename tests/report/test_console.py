"""Consoles that neither fail on a text nor end the program."""

import io
import os
import sys

import pytest

from stresser.report.console import ReportConsole, stdout_console, until_reader_leaves


def test_a_broken_pipe_is_the_callers_matter():
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    file = os.fdopen(write_fd, "w")
    with pytest.raises(BrokenPipeError):
        ReportConsole(file=file).print("x")
    with until_reader_leaves(ReportConsole(file=file)):
        ReportConsole(file=file).print("x " * 5000, highlight=False)
    file.close()  # goes nowhere, and says nothing


def test_what_is_written_arrives():
    read_fd, write_fd = os.pipe()
    with os.fdopen(write_fd, "w") as file, until_reader_leaves(ReportConsole(file=file)):
        ReportConsole(file=file).print("all of it")
    assert os.read(read_fd, 100) == b"all of it\n"
    os.close(read_fd)


def test_a_poor_encoding_gets_escapes(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    console = stdout_console()
    console.print("caf\u00e9 \u2026", highlight=False)
    console.file.flush()
    assert raw.getvalue() == b"caf\\xe9 \\u2026\n"


@pytest.mark.parametrize(("columns", "lines"), [(None, 1), ("80", 2)])
def test_a_file_is_wrapped_only_where_somebody_asks_for_it(monkeypatch, columns, lines):
    raw = io.StringIO()
    monkeypatch.setattr(sys, "stdout", raw)
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    stdout_console().print("word " * 20)
    assert len(raw.getvalue().splitlines()) == lines
