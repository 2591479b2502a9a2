"""Owns `stresser check` of a plan in the client's namespace, and what must stand in its answer."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tests.netlab.lab import Lab
from tests.netlab.tester import PATIENCE_S, TOP, Plan, with_hosts

_FAILING = {"failure", "interception", "chain", "portal", "address", "hello"}


class Check:
    """What it said."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.said = said

    def must_say(self, egress: str, *patterns: str, never: Sequence[str] = ()) -> None:
        """Of what is in the way through an egress, with what to do about it."""
        text = "\n".join(self._about(egress))
        missing = [one for one in patterns if not re.search(one, text, re.IGNORECASE)]
        wrong = [one for one in never if re.search(one, text, re.IGNORECASE)]
        assert (missing, wrong) == ([], []), (text, self.said)

    def must_be_well(self, egress: str, endpoint: str | None = None) -> None:
        """Nothing is in the way through it."""
        ways = [
            one
            for one in self.said["results"]
            if one["egress"] == egress and endpoint in {None, one["endpoint"]}
        ]
        assert ways, self.said
        assert all(one["fine"] for one in ways), [one["result"] for one in ways]
        named = [text for text in self._about(egress) if endpoint is None or endpoint in text]
        assert not named, named

    def _about(self, egress: str) -> list[str]:
        texts = [
            "\n".join([one["says"], *one["evidence"], one["remedy"]])
            for one in self.said["findings"]
            if one["concern"] in _FAILING
        ]
        return [
            text
            for text in texts
            if re.search(rf"(?<!not )through {egress}\b(?! it verifies)", text)
        ]


def check(
    lab: Lab,
    plan: Plan,
    *,
    environment: Mapping[str, str] | None = None,
    hosts: Mapping[str, Sequence[str]] | None = None,
    options: Sequence[str] = (),
) -> Check:
    """All endpoints of a plan through all its egresses, once."""
    file, out = lab.client.folder / "check.toml", lab.client.folder / "check.json"
    file.write_text(plan.toml())
    strip = [] if hosts is None else with_hosts(lab.client.folder / "check-hosts", hosts)
    process = lab.client.start(
        "check", *strip, sys.executable, "-m", "stresser", "check", str(file), "--out", str(out),
        *options,
        environment={"PYTHONPATH": str(TOP)} | dict(environment or {}),
    )  # fmt: skip
    code = process.wait(PATIENCE_S)
    assert code in {0, 1}, (code, process.said()[-20:])
    return Check(json.loads(out.read_text()))
