"""The rules of the house that no linter knows: see CONTRIBUTING.md."""

import ast
import gc
import re
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import stresser

TOP = Path(__file__).parents[1]
MODULES = sorted((TOP / "stresser").rglob("*.py"))
WRITTEN = sorted(
    path for room in ("stresser", "tests", "bench") for path in (TOP / room).rglob("*.py")
)
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())

WITHOUT_TEST_FILE = {
    "stresser/__init__.py": "a version",
    "stresser/__main__.py": "one call; tests of the command line make it",
    "stresser/analysis/words/remedy_row.py": "an enum and a tuple",
    "stresser/lab/__main__.py": "one call; tests/lab/test_main.py makes it in a process",
    "stresser/reflector/__main__.py": "one call; test_lab_reflector.py makes it in a process",
    "stresser/model/asked_value.py": "a tuple",
    "stresser/model/clocks.py": "a Protocol: nothing runs",
    "stresser/model/kill.py": "an enum",
    "stresser/model/kind.py": "an enum",
}
SLOW = pytest.mark.slow  # to parse every test takes seconds
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
SLOW_TO_IMPORT = {
    "trio", "msgspec", "scipy", "numpy", "cryptography", "OpenSSL", "structlog", "hdrh", "ssl",
    "wsproto", "trio_websocket", "idna", "certifi", "rich", "pydantic", "asyncio",
}  # fmt: skip
SHOWS_ITS_REASON = re.compile(r"(?:#\s*noqa|#\s*type:\s*ignore)[^#]*?(?:\s-\s|\s#\s)\s*\S.{3,}")
# Each has a bracket that keeps it from finding itself: this file is searched, too.
NOT_IN_FILES = re.compile(
    rb"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|deb[.]debian[.]org"
    rb"|/wor[k]/(?:main|shared)|/roo[t]/|/hom[e]/[a-z]|/User[s]/[a-z]|/tmp/ven[v]"
)


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module", autouse=True)
def _no_trees_are_kept():
    """A million nodes, that each collection would look through."""
    gc.disable()
    yield
    tree_of.cache_clear()
    gc.enable()


def statements_of(node):
    """It and all statements in it: expressions, most of a tree, hold none."""
    yield node
    for inner in ("body", "orelse", "handlers", "finalbody", "cases"):
        found = getattr(node, inner, None)
        for one in found if isinstance(found, list) else []:
            yield from statements_of(one)


def name_of(path):
    return path.relative_to(TOP).as_posix()


def tracked_files():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TOP, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("no git checkout: which files are tracked is not known")
    paths = [TOP / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def needs_test_file(module):
    empty = module.name == "__init__.py" and not module.read_text()
    return not empty and name_of(module) not in WITHOUT_TEST_FILE


def file_of_tests(module):
    return TOP / "tests" / module.parent.relative_to(TOP / "stresser") / f"test_{module.name}"


def has_tests(file):
    return file.is_file() and "def test_" in file.read_text()


def test_every_module_has_its_test_file():
    bare = [one for one in MODULES if needs_test_file(one) and not has_tests(file_of_tests(one))]
    assert [name_of(module) for module in bare] == []


def test_the_exceptions_exist():
    for name in WITHOUT_TEST_FILE:
        assert (TOP / name).is_file()


def long_functions(path):
    for node in statements_of(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield f"{name_of(path)}: {node.name} has {lines} lines"


def test_modules_are_short():
    long = [name_of(one) for one in WRITTEN if one.read_text().count("\n") > LONGEST_MODULE]
    assert long == []


@pytest.mark.parametrize(
    "paths",
    [
        pytest.param(MODULES, id="stresser"),
        pytest.param([one for one in WRITTEN if one not in MODULES], id="others", marks=SLOW),
    ],
)
def test_functions_are_short(paths):
    assert [words for path in paths for words in long_functions(path)] == []


def test_a_long_function_is_found_wherever_it_hides(tmp_path, monkeypatch):
    lines = "\n".join(["            x = 1"] * LONGEST_FUNCTION)
    file = tmp_path / "hides.py"
    file.write_text(f"class A:\n    try:\n        pass\n    except E:\n        def f():\n{lines}")
    monkeypatch.setitem(globals(), "TOP", tmp_path)
    assert list(long_functions(file)) == [f"hides.py: f has {LONGEST_FUNCTION + 1} lines"]


def test_every_module_says_first_what_it_is_for():
    written = [path for path in MODULES if path.stat().st_size]
    assert [name_of(path) for path in written if not ast.get_docstring(tree_of(path))] == []


def test_every_lint_ignore_gives_its_reason():
    bare = [
        f"{name_of(path)}:{number}"
        for path in WRITTEN
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"#\s*(?:noqa|type:\s*ignore)\b", line) and not SHOWS_ITS_REASON.search(line)
    ]
    assert bare == []


def test_every_rule_that_is_off_gives_its_reason():
    text = (TOP / "pyproject.toml").read_text()
    section = text.partition("[tool.ruff.lint]")[2].partition("[tool.ruff.lint.flake8")[0]
    lines = [line for line in section.splitlines() if re.match(r'\s+"[A-Z]+[0-9]*",', line)]
    reasons: dict[str, bool] = {}
    for line in lines:  # codes of one family in a row may share the reason of the first
        code = line.split('"')[1]
        family = code.rstrip("0123456789")
        reasons[code] = "# " in line or reasons.get(f"{family}001", False)
    assert len(reasons) > 10
    assert [code for code, has_reason in reasons.items() if not has_reason] == []


def test_no_file_names_a_registry_or_a_path_of_one_machine():
    found = [
        f"{name_of(path)}: {match[0].decode()}"
        for path in tracked_files()
        for match in NOT_IN_FILES.finditer(path.read_bytes())
    ]
    assert found == []


def test_no_room_for_what_has_no_name():
    vague = {"utils", "helpers", "common", "base", "misc", "util", "helper"}
    assert [name_of(path) for path in MODULES if path.stem in vague] == []


def test_no_module_is_named_like_another():
    """Not counted: package files, and cli/, whose modules are named for their commands."""
    names = Counter(
        path.stem
        for path in MODULES
        if path.stem not in {"__init__", "__main__"} and path.parent.name != "cli"
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_a_public_name_is_defined_once():
    modules = defaultdict(list)
    for path in MODULES:
        if path.stem == "__main__":
            continue
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                modules[node.name].append(name_of(path))
    shared = {
        name: where
        for name, where in modules.items()
        if len(where) > 1 and not name.startswith("_")
    }
    assert shared == {}


def test_help_imports_nothing_slow():
    script = (
        "import sys\n"
        "sys.argv = ['stresser', '--help']\n"
        "from stresser.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "sys.stdout.write('\\nMODULES ' + ' '.join(sys.modules))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    text, _, modules = ran.stdout.partition("\nMODULES ")
    assert "run" in text
    assert SLOW_TO_IMPORT & set(modules.split()) == set()


def test_nothing_is_imported_late():
    """Commands are (cli/main.py), and numpy and scipy (statistics/numerics.py); by name alone."""
    late = [
        f"{name_of(path)}:{node.lineno}"
        for path in MODULES
        for function in statements_of(tree_of(path))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in statements_of(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert late == []


def test_the_changelog_begins_with_what_is_unreleased_and_this_version():
    headings = re.findall(r"^## (\S+)", (TOP / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[:2] == ["Unreleased", stresser.__version__]


def test_the_licence_is_the_one_that_the_project_names():
    project = PROJECT["project"]
    [licence] = [TOP / name for name in project["license-files"]]
    assert project["license"] == "Apache-2.0"
    text = licence.read_text()
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert "9. Accepting Warranty or Additional Liability" in text


def test_what_is_imported_is_declared():
    """Each top-level package that stresser/ imports, also where another package would bring it."""
    imported = {
        name.partition(".")[0]
        for path in MODULES
        for node in statements_of(tree_of(path))
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
    }  # fmt: skip
    distributions = packages_distributions()
    newer = {"compression"}  # of the standard library from Python 3.14 on (PEP 784)
    foreign = imported - set(sys.stdlib_module_names) - newer - {"stresser", "__future__"}
    needed = names_in(distributions[name][0] for name in foreign)
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    named = [*project["dependencies"], *extras["parquet"], *extras["pac"]]
    assert needed <= names_in(named)


def test_every_room_is_packaged_and_so_are_the_scenarios():
    setuptools = PROJECT["tool"]["setuptools"]
    rooms = {".".join(path.parent.relative_to(TOP).parts) for path in MODULES}
    assert set(setuptools["packages"]) == rooms | {"stresser.scenarios"}
    assert setuptools["package-dir"] == {"stresser.scenarios": "scenarios"}
    assert setuptools["package-data"]["stresser.scenarios"] == ["*.toml"]


def test_every_room_has_its_layer():
    [layers] = [
        one["layers"] for one in PROJECT["tool"]["importlinter"]["contracts"] if "layers" in one
    ]
    named = {room.strip() for layer in layers for room in layer.split("|")}
    rooms = {path.parent.name for path in MODULES if path.parent.parent == TOP / "stresser"}
    assert named == rooms


def pins_of(name):
    text = (TOP / name).read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE)), text


def names_in(requirements):
    names = (re.split(r"[^A-Za-z0-9._-]", one, maxsplit=1)[0] for one in requirements)
    return {re.sub(r"[._]", "-", name).lower() for name in names}


def test_the_pins_cover_what_the_project_asks_for():
    pins, text = pins_of("constraints.txt")
    run_pins, _ = pins_of("constraints-run.txt")
    assert run_pins.items() <= pins.items()
    assert names_in(PROJECT["project"]["dependencies"]) <= set(run_pins)
    extras = PROJECT["project"]["optional-dependencies"]
    assert names_in(extras["dev"] + extras["bench"]) <= set(pins)
    assert text.count("--hash=sha256:") >= len(pins)
    assert "setuptools" in run_pins
