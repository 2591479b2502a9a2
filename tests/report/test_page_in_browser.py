"""The report in a real headless Chromium: it works, loads nothing, and executes no peer's text."""

import base64
import os
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.night_folder import write_night
from bench.night_plan import NightPlan
from stresser.analysis.diagnosis.diagnosis import DiagnosedScope, Mechanism
from stresser.analysis.summary.answers import answer_of
from stresser.analysis.views.run_report import gather_report
from stresser.record.reader import open_run
from stresser.report.page import html_page
from tests.analysis.answer_story import diagnosed
from tests.analysis.hostile_story import hostile_run
from tests.analysis.story import idle_kill_story
from tests.fakes.browser import browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
OPENS_WITHIN_MS = 3000
LARGEST = 5_000_000
SHOWN = "return document.getElementById('shown-0').textContent"
ROWS = "return document.querySelectorAll('#rows-0 tr.row').length"
RANGE = (
    "const axis = document.getElementById('chart-timeline-0')._fullLayout.xaxis;"
    "return axis.r2l(axis.range[1]) - axis.r2l(axis.range[0])"
)


@pytest.fixture(scope="module")
def chromium():
    with browser() as session:
        yield session


def written(run, folder):
    path = folder / "report.html"
    path.write_bytes(html_page(gather_report([run], None)))
    return path


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """More than 10,000 drops; fewer round trips than in a real night, for those are no rows."""
    folder = tmp_path_factory.mktemp("night")
    run, truth = write_night(folder, NightPlan(heartbeat_s=120), seed=1)
    assert truth.drops > 10_000
    return written(open_run(run), folder)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    return written(hostile_run(folder / "run"), folder)


UNFOLDED = "for (const one of document.querySelectorAll('details')) one.open = true"


@pytest.fixture
def seen(chromium, night):
    chromium.sees(width=1200)
    chromium.opens(night)
    chromium.runs(UNFOLDED)
    return chromium


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """A diagnosed run whose texts are about as long as they get."""
    folder = tmp_path_factory.mktemp("answered")
    report = gather_report([idle_kill_story().recorded(folder / "run")], None)
    [run] = report.runs
    scope = DiagnosedScope(egress="vpn")
    summary = replace(run.summary, diagnoses=[diagnosed(scope=scope), diagnosed(Mechanism.OUTAGE)])
    summary = replace(summary, answer=answer_of(summary))
    path = folder / "report.html"
    page = html_page(replace(report, runs=[replace(run, summary=summary)]))
    path.write_bytes(page)
    return path


def kept(name: str, picture: bytes) -> None:
    """Pictures can be looked at afterwards where STRESSER_PICTURES names a folder."""
    if folder := os.environ.get("STRESSER_PICTURES"):
        (Path(folder) / f"{name}.png").write_bytes(picture)


@pytest.mark.parametrize("which", ["night", "hostile"])
def test_it_complains_of_nothing_and_asks_for_nothing(chromium, which, request):
    page = request.getfixturevalue(which)
    chromium.runs("return 0")
    chromium.logged("browser")
    chromium.requests()
    chromium.opens(page)
    assert chromium.logged("browser") == []
    asked = [url for url in chromium.requests() if not url.startswith(("chrome:", "data:"))]
    assert asked == [page.resolve().as_uri()]


def test_a_night_opens_quickly_and_is_small(seen, night):
    took = seen.runs("return performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert took < OPENS_WITHIN_MS
    plotly = seen.runs("return document.scripts[1].textContent.length")
    assert night.stat().st_size - plotly < LARGEST


def test_filters_and_search(seen):
    assert seen.runs(ROWS) == 20
    total = seen.runs(SHOWN)
    seen.runs(
        "const kind = document.getElementById('kind-0'); kind.value = 'unresponsive';"
        "kind.dispatchEvent(new Event('change'))"
    )
    assert seen.runs(SHOWN) != total
    kinds = seen.runs("return [...document.querySelectorAll('#rows-0 tr')].map(r => r.innerText)")
    assert all("unresponsive" in row for row in kinds)
    session = seen.runs("return document.querySelector('#rows-0 td.session').textContent")
    seen.runs(
        "const search = document.getElementById('search-0'); search.value = arguments[0];"
        "search.dispatchEvent(new Event('input'))",
        f"session {session} unresponsive",
    )
    assert session in seen.runs(
        "return [...document.querySelectorAll('#rows-0 td.session')].map(c => c.textContent)"
    )
    seen.runs("document.querySelector('#rows-0 tr.row').click()")
    card = seen.runs("return document.querySelector('.card dl').innerText")
    assert "ended between" in card
    assert "initiator\n" in card


def test_pages_of_the_table(seen):
    first = seen.runs("return document.querySelector('#rows-0 td.session').textContent")
    seen.runs("document.getElementById('later-0').click()")
    assert seen.runs("return document.querySelector('#rows-0 td.session').textContent") != first
    assert seen.runs("return document.getElementById('page-0').textContent").startswith("page 2 of")


def test_zoom_by_button_and_by_dragging(seen):
    whole = seen.runs(RANGE)
    seen.runs("document.querySelector('[data-zoom=in]').click()")
    assert seen.runs(RANGE) == pytest.approx(whole / 2, rel=0.05)
    seen.runs("document.querySelector('[data-zoom=all]').click()")
    assert seen.runs(RANGE) == pytest.approx(whole, rel=0.01)
    everything = seen.runs(SHOWN)
    seen.runs("document.getElementById('zoomed-0').click()")
    seen.runs("document.getElementById('chart-timeline-0').scrollIntoView()")
    left, top, width = seen.runs(
        "const box = document.querySelector('#chart-timeline-0 .nsewdrag').getBoundingClientRect();"
        "return [box.left, box.top + 40, box.width]"
    )
    for kind, share in (("mousePressed", 0.2), ("mouseMoved", 0.3), ("mouseReleased", 0.3)):
        seen.commands(
            "Input.dispatchMouseEvent",
            type=kind, x=left + share * width, y=top, button="left", buttons=1, clickCount=1,
        )  # fmt: skip
    seen.waits_for(f"{RANGE} < {whole / 5}")
    assert seen.runs(SHOWN) != everything


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_screen_holds_tiles_curve_egresses_and_ask(chromium, answered, scheme):
    chromium.sees(width=1280, height=720, scheme=scheme)
    chromium.opens(answered)
    kept(f"first-screen-{scheme}", chromium.pictures())
    bottoms = chromium.runs(
        "return ['.tile', '#chart-survival-0', '.egresses', '.ask', '[data-copy]'].map(one =>"
        " [...document.querySelectorAll(one)].map(e => e.getBoundingClientRect().bottom))"
    )
    assert [len(found) for found in bottoms] == [3, 1, 1, 1, 1]
    assert max(max(found) for found in bottoms) <= 720
    wide = chromium.runs(
        "const table = document.querySelector('.egresses').parentElement;"
        "return table.scrollWidth - table.clientWidth"
    )
    assert wide == 0
    assert min(min(found) for found in bottoms) > 0
    text = chromium.runs("return document.getElementById('ask-0').innerText")
    assert text.startswith("Ask the network team: raise its idle timeout")
    drawn = chromium.runs(
        "return document.getElementById('chart-survival-0')._fullLayout.annotations"
        ".map(one => one.text)"
    )
    assert drawn == ["<b>4 s of silence</b> (vpn)"]


def test_an_egress_has_one_colour_in_every_picture(chromium, answered):
    chromium.sees(width=1280)
    chromium.opens(answered)
    chromium.runs(UNFOLDED)
    chromium.waits_for("return document.querySelectorAll('#chart-scatter-0 .trace').length > 0")
    colours = chromium.runs(
        "const at = id => document.getElementById(id).data;"
        "const line = (id, name) => at(id).find(one => one.name === name).line.color;"
        "return [line('chart-survival-0', 'vpn'), line('chart-timeline-0', 'vpn'),"
        " ...at('chart-scatter-0')[0].marker.color,"
        " getComputedStyle(document.documentElement).getPropertyValue('--e1')]"
    )
    assert len(set(colours)) == 1
    symbols = chromium.runs(
        "return ['scatter', 'timeline'].map(one => document.getElementById('chart-' + one + '-0')"
        ".data.find(trace => trace.kind === 'tcp_reset').marker.symbol)"
    )
    assert symbols == ["x", "x"]


def test_the_ask_can_be_copied(chromium, answered):
    chromium.opens(answered)
    chromium.runs(
        "document.addEventListener('copy', () => { window.taken = String(getSelection())"
        " || document.activeElement.value; });"
        "navigator.clipboard && (navigator.clipboard.writeText = async text => {"
        " window.taken = text; });"
        "document.querySelector('[data-copy]').click()"
    )
    chromium.waits_for("return window.taken")
    lines = chromium.runs("return window.taken").splitlines()
    assert lines[0].startswith("Ask the network team: raise its idle timeout above 6 s")
    assert lines[1].startswith("Why: ")


@pytest.mark.parametrize("chart", ["chart-survival-0", "chart-timeline-0"])
def test_a_picture_can_be_saved_with_its_title(chromium, answered, chart):
    chromium.sees(width=1280, scheme="dark")
    chromium.opens(answered)
    chromium.runs(
        "HTMLAnchorElement.prototype.click = function () {"
        " window.saved = [this.download, this.href]; };"
        "document.querySelector(`[data-save=${arguments[0]}]`).click()",
        chart,
    )
    chromium.waits_for("return window.saved")
    name, picture = chromium.runs("return window.saved")
    assert name in {"how-long-sessions-live.png", "timeline-by-egress.png"}
    png = base64.b64decode(picture.removeprefix("data:image/png;base64,"))
    assert png.startswith(b"\x89PNG")
    assert len(png) > 10_000
    kept(Path(name).stem, png)
    assert chromium.logged("browser") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_prints_on_two_pages(chromium, answered, scheme):
    chromium.sees(width=1280, scheme=scheme)
    chromium.opens(answered)
    printed = chromium.prints()
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 2
    if folder := os.environ.get("STRESSER_PICTURES"):
        (Path(folder) / f"paper-{scheme}.pdf").write_bytes(printed)


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (1200, "dark"), (390, "light")])
def test_nothing_is_wider_than_the_screen(chromium, night, width, scheme):
    chromium.sees(width=width, scheme=scheme)
    chromium.opens(night)
    chromium.runs(UNFOLDED)
    chromium.waits_for("return document.querySelectorAll('.chart .trace').length > 4")
    assert chromium.runs("return document.documentElement.scrollWidth") <= width
    paper = chromium.runs("return getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    charts = chromium.runs(
        "return [...document.querySelectorAll('.chart')]"
        ".map(chart => chart.querySelectorAll('.trace').length)"
    )
    assert len(charts) == 4
    assert all(charts)
    kept(f"{scheme}-{width}", chromium.pictures())


def test_hostile_texts_execute_nothing(chromium, hostile):
    chromium.sees(width=1200)
    chromium.opens(hostile)
    chromium.runs(UNFOLDED)
    for row in range(4):
        chromium.runs("document.querySelectorAll('#rows-0 tr.row')[arguments[0]].click()", row)
    assert "<img" in chromium.runs("return document.getElementById('rows-0').innerText")
    assert chromium.runs("return typeof window.owned") == "undefined"
    made = "return document.querySelectorAll('img, iframe, [onerror], [onload]').length"
    assert chromium.runs(made) == 0
    links = chromium.runs("return [...document.links].map(link => link.getAttribute('href'))")
    assert all(link.startswith("#") for link in links)


def test_the_policy_forbids_what_a_hole_would_do(chromium, hostile):
    chromium.opens(hostile)
    chromium.runs(
        "const script = document.createElement('script'); script.textContent = 'window.owned = 1';"
        "document.body.append(script);"
        "const image = new Image(); image.src = 'https://evil.example/x.png';"
        "document.body.append(image)"
    )
    chromium.waits_for("return true")
    assert chromium.runs("return typeof window.owned") == "undefined"
    blocked = " ".join(entry["message"] for entry in chromium.logged("browser"))
    assert "Content Security Policy" in blocked
