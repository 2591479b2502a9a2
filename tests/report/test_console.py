"""Consoles that neither fail on a text nor end the program."""

import io
import os
import sys
import termios

import pytest
from rich.table import Table

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


def piped(renderable, monkeypatch) -> list[str]:
    """The lines that a pipe gets."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="utf-8"))
    console = stdout_console()
    console.print(renderable)
    console.file.flush()
    return raw.getvalue().decode().splitlines()


def two_columns() -> Table:
    table = Table("name", "what", box=None)
    table.add_row("a", "word " * 60)
    table.add_row("b", "-")
    return table


def test_a_pipe_gets_whole_lines_and_no_blanks_at_their_ends(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    lines = piped(two_columns(), monkeypatch)
    assert lines == [line.rstrip() for line in lines]
    assert len(lines) == 3
    assert lines[1].count("word") == 60


def test_columns_says_how_wide_a_pipe_is(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert max(map(len, piped(two_columns(), monkeypatch))) <= 40


def test_a_terminal_has_its_own_width(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    leader, follower = os.openpty()
    termios.tcsetwinsize(follower, (24, 66))
    with os.fdopen(follower, "w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        monkeypatch.setattr(sys, "stdin", file)
        monkeypatch.setattr(sys, "stderr", file)
        assert stdout_console().width != 4096
    os.close(leader)
