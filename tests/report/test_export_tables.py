"""Which rows a run becomes, and what is in their cells."""

from collections import Counter

import pytest
from msgspec.structs import replace

from stresser.analysis.summary.run_reading import pass_on, read_run
from stresser.model.ending import Initiator, Kind, Phase, Proof
from stresser.model.events import SessionEnded, SessionOpened
from stresser.report import export_tables
from stresser.report.export_tables import TABLES, CellType, ExportedRun, ExportRow
from tests.analysis.story import DIRECT, VPN, Story, idle_kill_story, seconds, utc


class Kept:
    """A table in memory."""

    def __init__(self) -> None:
        self.rows = 0
        self.kept: list[ExportRow] = []

    def add(self, row: ExportRow) -> None:
        self.rows += 1
        self.kept.append(row)

    def close(self) -> None:
        pass


def tables_of(story: Story, folder) -> dict[str, list[dict[str, object]]]:
    """Cells by the name of the column."""
    run = story.recorded(folder)
    kept = {name: Kept() for name in TABLES}
    exported = ExportedRun(read_run(run), kept)
    pass_on(run.events(), [exported])
    exported.close()
    return {
        name: [{column.name: column.value(row) for column in TABLES[name]} for row in table.kept]
        for name, table in kept.items()
    }


def eventful() -> Story:
    story = Story([DIRECT, VPN], 2)
    first = story.opens(DIRECT, 1)
    story.ends_as_planned(first, 60, proved=Proof.UNPROVED)
    dropped = story.opens(VPN, 2)
    story.drops(dropped, 8, idle=6, detected_at_ns=seconds(9), initiator=Initiator.MIDDLEBOX,
                raw="a\x1b[31m\tb", evidence={"why": ["one", "two"]})  # fmt: skip
    story.fails(VPN, 9, phase=Phase.TLS, kind=Kind.TLS_ALERT, alert=40,
                phases_ns={"connect": seconds(0.25)})  # fmt: skip
    story.fails(VPN, 60, kind=Kind.PLANNED, planned=True)
    story.opens(VPN, 10, replaces=dropped, recovery_ns=seconds(2))
    return story


def test_each_session_attempt_and_drop_has_one_row(tmp_path):
    tables = tables_of(eventful(), tmp_path)
    assert [row["session"] for row in tables["sessions"]] == [1, 2, 3]
    assert [(row["attempt"], row["outcome"]) for row in tables["attempts"]] == [
        (1, "opened"), (2, "opened"), (3, "failed"), (4, "cut_short"), (5, "opened"),
    ]  # fmt: skip
    assert [row["session"] for row in tables["drops"]] == [2]


def test_a_sessions_row_joins_opening_and_ending(tmp_path):
    ended, dropped, still_open = tables_of(eventful(), tmp_path)["sessions"]
    assert (ended["egress"], ended["kind"], ended["planned"], ended["proved"]) == (
        "direct", "planned", True, "unproved",
    )  # fmt: skip
    assert (dropped["opened_at_s"], dropped["age_s"]) == (seconds(2), seconds(6))
    assert [dropped[f"{name}_s"] for name in ("alive_at", "dead_by", "detected_at")] == [
        seconds(2), seconds(8), seconds(9),
    ]  # fmt: skip
    assert (dropped["opened_utc"], dropped["ended_utc"]) == (utc(seconds(2)), utc(seconds(8)))
    assert (dropped["connect_s"], dropped["resolve_s"]) == (2_000_000, None)
    assert (dropped["tls_version"], dropped["chain_verified"]) == ("TLSv1.3", True)
    assert dropped["rules"] == "one; two"
    assert dropped["raw"] == r"a\x1b[31m\tb"
    assert (still_open["kind"], still_open["ended_utc"], still_open["pings"]) == (None,) * 3
    assert (still_open["replaces_session"], still_open["recovery_s"]) == (2, seconds(2))


def test_a_failed_attempts_row_has_its_phases_and_its_ending(tmp_path):
    failed = tables_of(eventful(), tmp_path)["attempts"][2]
    assert (failed["connect_s"], failed["tls_s"]) == (seconds(0.25), None)
    assert (failed["phase"], failed["kind"], failed["tls_alert"]) == ("tls", "tls_alert", 40)
    assert failed["session"] is None


def test_what_had_passed_is_in_its_own_column():
    [_, opened, ended] = eventful().events[:3]
    assert isinstance(opened, SessionOpened)
    assert isinstance(ended, SessionEnded)
    passed = {"pings": 1, "pongs": 2, "messages": 3, "bytes_received": 4, "bytes_sent": 5}
    row = ExportRow(opened, replace(ended, **passed))
    cells = {column.name: column.value(row) for column in TABLES["drops"]}
    names = ("pings", "pongs", "messages", "received_bytes", "sent_bytes")
    assert [cells[name] for name in names] == [1, 2, 3, 4, 5]
    assert cells["utc"] == ended.utc != opened.utc


def test_a_failed_attempt_has_what_explains_it(tmp_path):
    story = Story([DIRECT, VPN], 4)
    for n in range(4):
        story.opens(DIRECT, 1 + n)
    for n in range(40):
        story.fails(VPN, 1 + n)
    tables = tables_of(story, tmp_path)
    found = [(row["egress"], row["diagnosis"]) for row in tables["attempts"]]
    assert Counter(found) == {("direct", None): 4, ("vpn", 1): 40}
    assert tables["attempts"][-1]["diagnosis_mechanism"]


def test_a_drop_has_what_explains_it(tmp_path):
    tables = tables_of(idle_kill_story(), tmp_path)
    assert len(tables["drops"]) == 20
    for drop in tables["drops"]:
        assert (drop["diagnosis"], drop["diagnosis_mechanism"]) == (1, "idle_timer")
        assert (drop["diagnosis_where"], drop["ask_whom"]) == ("unknown", "network_team")
        assert str(drop["diagnosis_says"]).startswith("Through vpn")
    by_number = Counter(row["diagnosis"] for row in tables["sessions"])
    assert by_number == {1: 20, None: 20}


def test_memory_is_bounded_where_sessions_never_end(tmp_path, monkeypatch):
    monkeypatch.setattr(export_tables, "_MOST_OPEN", 1)
    rows = tables_of(eventful(), tmp_path)["sessions"]
    assert Counter(row["session"] for row in rows) == {1: 1, 2: 1, 3: 1}
    story = Story([VPN], 2)
    sessions = [story.opens(VPN, 1), story.opens(VPN, 2)]
    for session in sessions:
        story.drops(session, 9)
    rows = tables_of(story, tmp_path / "two")["sessions"]
    assert Counter(row["session"] for row in rows) == {1: 1, 2: 2}


@pytest.mark.parametrize("table", TABLES)
def test_names_are_unique_and_quantities_end_with_their_unit(table):
    columns = TABLES[table]
    names = [column.name for column in columns]
    assert len(set(names)) == len(names)
    for column in columns:
        assert column.name.endswith("_s") == (column.cell is CellType.SECONDS)
        assert column.name.endswith("utc") == (column.cell is CellType.MOMENT)
