"""`stresser export`: the files it writes, and what it does not overwrite."""

import csv
import subprocess
import sys

import duckdb
import pytest

from stresser.model.ending import Kind
from tests.analysis.story import VPN, Story, idle_kill_story
from tests.cli.in_process import Said, stresser_says
from tests.cli.run_process import ROOT

TABLES = ("attempts", "drops", "sessions")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "20261123T000000Z-made-up"
    idle_kill_story().recorded(path)
    return path


def export(run, *options: object) -> Said:
    return stresser_says("export", str(run), *map(str, options))


def test_csv_has_a_row_for_each_session_attempt_and_drop(folder, tmp_path):
    found = export(folder, "--format", "csv", "--out", tmp_path / "new" / "folder")
    assert found.code == 0, found.err
    rows = {}
    for name in TABLES:
        path = tmp_path / "new" / "folder" / f"{name}.csv"
        with path.open(newline="") as file:
            rows[name] = list(csv.DictReader(file))
        assert f"{name}: {len(rows[name])} rows in {path}" in found.out.decode()
    assert {name: len(kept) for name, kept in rows.items()} == {
        "attempts": 40, "drops": 20, "sessions": 40,
    }  # fmt: skip
    assert {row["diagnosis_mechanism"] for row in rows["drops"]} == {"idle_timer"}
    assert float(rows["drops"][0]["idle_s"]) == pytest.approx(4)


def test_duckdb_reads_the_parquet_files_and_finds_what_the_run_holds(folder, tmp_path):
    found = export(folder, "--format", "parquet", "--out", tmp_path)
    assert found.code == 0, found.err
    with duckdb.connect() as database:
        for name in TABLES:
            database.execute(
                f"CREATE VIEW {name} AS SELECT * FROM '{tmp_path / name}.parquet'"  # noqa: S608 - names of our own
            )
        by_egress = database.sql(
            "SELECT s.egress, count(*), count(d.session), min(d.idle_s) >= 4.0,"
            " any_value(d.diagnosis_says)"
            " FROM sessions s LEFT JOIN drops d USING (session) GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        opened = database.sql(
            "SELECT count(*) FROM attempts a JOIN sessions s USING (session, attempt)"
            " WHERE a.outcome = 'opened' AND s.opened_utc = a.utc"
            " AND a.tls_s = 0.008"
        ).fetchall()
    (direct, vpn) = by_egress
    assert direct == ("direct", 20, 0, None, None)
    assert vpn[:4] == ("vpn", 20, 20, True)
    assert "silent" in vpn[4]
    assert opened == [(40,)]


def test_one_table_goes_to_one_file(folder, tmp_path):
    path = tmp_path / "what dropped.csv"
    found = export(folder, "--format", "csv", "--table", "drops", "--out", path)
    assert found.code == 0, found.err
    assert path.read_text().startswith("session,attempt,endpoint,egress,activity,utc,phase,kind,")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_without_out_it_is_the_runs_own_folder(tmp_path):
    run = Story([VPN], 1)
    run.drops(run.opens(VPN, 0), 5, Kind.TCP_FIN)
    run.recorded(tmp_path / "run")
    assert export(tmp_path / "run", "--format", "csv", "--table", "drops").code == 0
    assert (tmp_path / "run" / "drops.csv").exists()


def test_nothing_is_overwritten_without_force(folder, tmp_path):
    (tmp_path / "drops.csv").write_text("mine")
    found = export(folder, "--format", "csv", "--out", tmp_path)
    assert (found.code, found.out) == (2, b"")
    assert found.err == f"{tmp_path / 'drops.csv'}: exists; --force replaces it\n"
    assert [one.name for one in tmp_path.iterdir()] == ["drops.csv"]
    assert (tmp_path / "drops.csv").read_text() == "mine"
    assert export(folder, "--format", "csv", "--out", tmp_path, "--force").code == 0
    assert (tmp_path / "drops.csv").read_text().startswith("session,")


def test_a_folder_that_cannot_be_made_is_one_line(folder, tmp_path):
    (tmp_path / "file").write_text("")
    found = export(folder, "--format", "csv", "--out", tmp_path / "file" / "x")
    assert found.code == 2
    assert found.err.startswith(f"--out {tmp_path / 'file' / 'x'}: ")
    assert found.err.count("\n") == 1


def test_without_pyarrow_parquet_is_one_line_with_the_remedy(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "stresser.report.parquet_table", raising=False)
    found = export(folder, "--format", "parquet", "--out", tmp_path)
    assert found.code == 2
    assert "pip install 'stresser[parquet]'" in found.err
    assert found.err.count("\n") == 1
    assert export(folder, "--format", "csv", "--out", tmp_path).code == 0


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_disk_that_is_full_is_one_line_and_leaves_nothing(folder, tmp_path, form):
    script = 'ulimit -f 2; exec "$0" -m stresser export "$1" --format "$2" --out "$3"'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable, folder, form, tmp_path],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"--out {tmp_path}: cannot be written: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
