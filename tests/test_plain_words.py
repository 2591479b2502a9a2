"""Every text that a user can see is plain English: DESIGN.md section 1 has the words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
MODULES = sorted((TOP / "stresser").rglob("*.py"))
PAGES = [
    TOP / "README.md",
    TOP / "CHANGELOG.md",
    *sorted((TOP / "docs").glob("*.md")),
    *sorted((TOP / "scenarios").glob("*.toml")),
]
ASSETS = [TOP / "stresser/report/page" / name for name in ("report.html.j2", "report.js")]
BANNED = re.compile(
    r"by whom is unknown|\bby whom\b|\bways? out\b|\btold\b|\bmend(?:s|ed)?\b|none there is"
    r"|No two of the|has no carrier|without a word|\blanes?\b|\bdeaths?\b|\btestimony\b"
    r"|\bobituary\b|\bknows not\b|\bsays not\b|\bshows not\b|\b[Nn]obody\b|\bon the way\b"
)


def name_of(path: Path) -> str:
    return path.relative_to(TOP).as_posix()


def docstring_of(source: str) -> str:
    """The first statement of a module, where that is a text: every module here begins with it."""
    _, quotes, rest = source.partition('"""')
    return rest.partition(quotes)[0] if quotes else ""


def texts_of(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each string that is no docstring and reads like words, not like a key."""
    silent: set[int] = set()
    for node in ast.walk(ast.parse(source)):  # a statement comes before the text in it
        if isinstance(node, ast.Expr):
            silent.add(id(node.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_words = " " in node.value.strip()
            if id(node) not in silent and is_words:
                yield node.lineno, node.value


def test_no_text_of_a_module_has_a_banned_phrase():
    found = [
        f"{name_of(path)}:{line}: {match[0]}"
        for path in MODULES
        for line, text in texts_of(path.read_text(encoding="utf-8"))
        if (match := BANNED.search(text))
    ]
    assert found == []


@pytest.mark.parametrize("path", ASSETS, ids=name_of)
def test_no_text_of_the_page_has_a_banned_phrase(path):
    text = re.sub(r"//.*|\{#.*?#\}", "", path.read_text(encoding="utf-8"))
    assert BANNED.findall(text) == []


def test_no_help_text_of_a_command_has_a_banned_phrase():
    commands = [path for path in MODULES if path.parent.name == "cli"]
    helps = [
        ast.get_docstring(node) or ""
        for path in commands
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]
    assert any("Exit code" in text for text in helps)
    assert [text for text in helps if BANNED.search(text)] == []


def test_no_docstring_of_a_module_has_a_banned_phrase():
    found = {
        name_of(path): BANNED.findall(docstring_of(path.read_text(encoding="utf-8")))
        for path in MODULES
    }
    assert {name: phrases for name, phrases in found.items() if phrases} == {}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_no_documentation_and_no_scenario_has_a_banned_phrase(path):
    prose = re.sub(r"`[^`]*`", "", path.read_text(encoding="utf-8"))
    assert BANNED.findall(prose) == []


def test_a_banned_phrase_is_found_in_a_text_and_not_in_a_docstring():
    source = '"""Told."""\ndef f():\n    """It is told."""\n    return f"the way out {1}", "told"\n'
    assert [text for _, text in texts_of(source) if BANNED.search(text)] == ["the way out "]
