"""Run folders in which one value is another: every command reads them, or refuses in one line.

`test_folders.py` damages bytes, and most of what it makes is no JSON. Here each line is JSON, and
one of its values is of the wrong type or size, or is somebody else's text.
"""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.bundle.rich_run import MANIFEST, rich_story
from tests.cli.in_process import stresser_says
from tests.fuzz.damage import ROUNDS, SEED, Rounds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]
FORMATS = ("html", "json", "markdown", "junit")
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, 2**31, 2**32, 2**62, -(2**62), 2**63, 2**64,
    10**30, 10**400, "", " ", "9" * 5000, "1" * 25, ":", "a:" + "1" * 5000, "[::1]:443",
    "[::ffff:1.2.3.4]:1", "fe80::1%eth0:443", "::", "\x00", "\x1b[2J", "\u202e", "\ud800",
    "A" * 70_000, "../../x", "/dev/zero", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
    "wss://u:p@h:99999/?a#b", "lab+wss://x", "-5s", "1e9h", "99999999999999999999d",
    "4" * 4000 + "GiB", "= 0", "< nan", [], {}, [[]], [None] * 3, {"": ""}, ["x"] * 300,
    {"a": {"a": {"a": []}}}, "env:HOME", "through vpn", "reset", "unknown",
)  # fmt: skip


def places(tree: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every value's place."""
    found = [at] if at else []
    if isinstance(tree, dict | list):
        for key in tree if isinstance(tree, dict) else range(len(tree)):
            found += places(tree[key], (*at, key))
    return found


def with_another_value(text: bytes, dice: random.Random) -> bytes:
    """The same JSON with one value changed, left out or named otherwise."""
    tree = json.loads(text)
    *way, last = dice.choice(places(tree))
    holder = tree
    for key in way:
        holder = holder[key]
    match dice.randrange(8):
        case 0:
            del holder[last]
        case 1 if isinstance(holder, dict):
            holder[str(dice.choice(VALUES))[:300]] = holder.pop(last)
        case _:
            holder[last] = dice.choice(VALUES)
    return json.dumps(tree).encode()


def changed(path: Path, dice: random.Random) -> bytes:
    """A file with up to three lines, or its only document, changed."""
    text = path.read_bytes()
    if path.suffix == ".json":
        return with_another_value(text, dice)
    lines = text.splitlines()
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(lines))
        lines[at] = with_another_value(lines[at], dice)
    return b"\n".join([*lines, b""])


def commands(run: Path, out: Path) -> list[list[str]]:
    name, bundle = str(run), str(out / "b.zip")
    return [
        ["show", name, "--full"],
        ["show", name, "--json"],
        ["show", name, "--session", "1"],
        ["show", name, "--attempt", "2"],
        ["show", name, "--pcap", str(out / "p.pcapng")],
        ["runs", str(run.parent)],
        ["compare", name, name],
        ["compare", name, "--egress", "env", "reset"],
        *(["report", name, "--format", one, "--out", "-"] for one in FORMATS),
        ["report", name, "--bundle", bundle],
        ["report", name, "--bundle", bundle, "--redact"],
        ["verify", bundle],
        ["export", name, "--format", "csv", "--out", str(out / "tables"), "--force"],
    ]  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "runs").mkdir()
    made = rich_story().recorded(tmp_path / "runs" / "20261123T000000Z-night", **MANIFEST)
    return made.path


def test_another_value_is_no_traceback(run: Path, tmp_path: Path) -> None:
    """Several commands a round take a while: a tenth of the rounds."""
    out = tmp_path / "out"
    out.mkdir()
    whole = {path: path.read_bytes() for path in sorted(run.glob("*.json*"))}
    before = sorted(run.iterdir())
    for number, dice in enumerate(Rounds("values")):
        if number >= max(ROUNDS // 10, 12):
            break
        path = dice.choice(list(whole))
        path.write_bytes(changed(path, dice))
        for command in dice.sample(commands(run, out), 4):
            said = stresser_says(*command)
            told = f"seed {SEED}, round {number}, {path.name}: {command}: {said.err[-3000:]}"
            assert said.code in {0, 1, 2, 3}, told
            assert all(one.isprintable() or one in "\n\t" for one in said.err), told
        path.write_bytes(whole[path])
    assert sorted(run.iterdir()) == before
    assert {one.name for one in tmp_path.iterdir()} == {"runs", "out"}
