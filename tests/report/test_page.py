import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from stresser.analysis.views.run_report import gather_report
from stresser.report import page as pages
from stresser.report.page import data_block, html_page, page_parts
from tests.analysis.both_ends_story import both_ends_run
from tests.analysis.hostile_story import hostile_run
from tests.analysis.story import idle_kill_story
from tests.analysis.summary.test_resumed_run import two_parts


class Reader(HTMLParser):
    """Which elements, attributes and texts a browser would see."""

    def __init__(self):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.raw: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.raw.append("")

    def handle_data(self, data):
        if self.tags and self.cdata_elem:
            self.raw[-1] += data
        else:
            self.text += data


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    run = idle_kill_story().recorded(tmp_path_factory.mktemp("run"))
    return html_page(gather_report([run], None)).decode()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    run = hostile_run(tmp_path_factory.mktemp("run"))
    return html_page(gather_report([run], None)).decode()


def test_the_answer_comes_first_and_details_are_folded(page):
    assert re.findall("<h2>(.*?)</h2>", page.partition('id="data"')[0]) == [
        "Is it the egress?", "What does it do?", "Who?", "What to do", "Why",
        "Diagnoses and findings", "Each drop with its evidence", "Figures of each cohort",
        "Ages, silences, handshakes and round trips", "vpn compared with direct",
        "Certificate chains", "Environment", "Method and limits",
    ]  # fmt: skip
    folded = page.index("<details")
    assert page.index('id="ask-0"') < page.index('id="chart-timeline-0"') < folded
    assert folded < page.index("20 drops came through vpn")
    assert 'open id="' not in page


def test_each_picture_has_a_title_and_can_be_saved(page):
    charts = re.findall(r'class="chart[^"]*" id="(.*?)"', page)
    assert len(charts) == 4
    saved = dict(re.findall(r'data-save="(.*?)" data-title="(.*?)"', page))
    assert sorted(saved) == sorted(charts)
    assert all(f"{title} <button" in page for title in saved.values())


@pytest.mark.parametrize("which", ["page", "hostile"])
def test_the_policy_allows_exactly_what_is_written_here(which, request):
    reader = read(request.getfixturevalue(which))
    policy = next(a["content"] for t, a in reader.tags if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:; ")
    elements = [(tag, attrs) for tag, attrs in reader.tags if tag in {"script", "style"}]
    assert len(elements) == 5  # two sheets, the data, two scripts
    for (tag, attrs), text in zip(elements, reader.raw, strict=True):
        if attrs.get("type") == "application/json":
            continue
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        directive = "script-src" if tag == "script" else "style-src-elem"
        assert f"'sha256-{digest}'" in policy.partition(directive)[2].partition(";")[0]


@pytest.mark.parametrize("which", ["page", "hostile"])
def test_nothing_is_loaded_and_no_element_comes_from_data(which, request):
    reader = read(request.getfixturevalue(which))
    assert not [
        t for t, _ in reader.tags if t in {"img", "svg", "iframe", "object", "form", "base"}
    ]
    for tag, attrs in reader.tags:
        assert not [name for name in attrs if name.startswith("on")], tag
        assert "src" not in attrs
        href = attrs.get("href", "#")
        assert href.startswith("#") or href == "data:,"


def test_hostile_texts_are_shown_as_text(hostile):
    text = read(hostile).text
    assert "<img src=https://evil.example/x.png" in text
    assert "{{ 7*7 }}" in text
    assert "49" not in text.partition("svg/onload")[2][:60]


def test_data_cannot_end_its_element_and_reads_back(tmp_path):
    report = gather_report([hostile_run(tmp_path / "run")], None)
    block = data_block(report)
    assert not re.search("[<>&\u2028\u2029]", block)
    [run] = json.loads(block)["runs"]
    assert len(run["drops"]["session"]) == 12
    assert any("<img" in text for text in run["drops"]["texts"])


def test_the_picture_of_a_resumed_run_goes_to_its_end(tmp_path):
    report = gather_report([two_parts(gap_s=7_200).recorded(tmp_path / "run")], None)
    [run] = json.loads(data_block(report))["runs"]
    assert {one["t_us"][-1] for one in run["timeline"]["sessions"]} == {run["elapsed_ns"] / 1000}


def test_a_page_of_two_runs(tmp_path):
    runs = [idle_kill_story().recorded(tmp_path / name) for name in ("monday", "tuesday")]
    text = read(html_page(gather_report(runs, None)).decode()).text
    assert "monday" in text
    assert "no worse" in text or "cannot" in text


def test_each_session_at_both_ends_has_a_row_where_there_are_any(page, tmp_path):
    run = both_ends_run(tmp_path / "run", seen_as="<img src=//evil.example>:1")
    told = html_page(gather_report([run], None)).decode()
    assert "Each session at both ends" not in page
    section = told.partition('<details id="both-ends-0">')[2].partition("</details>")[0]
    assert section.count("<tr>") == 1 + 4
    assert "dropped: tcp_reset at" in section
    assert "<img" not in section
    assert "&lt;img src=//evil.example&gt;:1" in section


def test_the_page_comes_in_parts_whatever_is_in_it(tmp_path, monkeypatch):
    report = gather_report([hostile_run(tmp_path / "run")], None)
    whole = data_block(report)
    parts = list(page_parts(report))
    assert sum(map(len, parts)) > 4_000_000
    assert max(map(len, parts)) < 600_000
    monkeypatch.setattr(pages, "_AT_ONCE", 5)  # of the 12 drops
    assert data_block(report) == whole
