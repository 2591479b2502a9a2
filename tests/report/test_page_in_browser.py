"""The report in a real headless Chromium: it works, loads nothing, and executes no peer's text."""

import os
from pathlib import Path

import pytest

from bench.night_folder import write_night
from bench.night_plan import NightPlan
from stresser.analysis.views.run_report import gather_report
from stresser.record.reader import open_run
from stresser.report.page import html_page
from tests.analysis.hostile_story import hostile_run
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
    path.write_text(html_page(gather_report([run], None)), encoding="utf-8")
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


@pytest.fixture
def seen(chromium, night):
    chromium.sees(width=1200)
    chromium.opens(night)
    return chromium


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
    assert "died between" in card
    assert "by whom is unknown" in card


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


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (1200, "dark"), (390, "light")])
def test_nothing_is_wider_than_the_screen(chromium, night, width, scheme):
    chromium.sees(width=width, scheme=scheme)
    chromium.opens(night)
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
