"""Measured endings of boxes, and when a diagnosis is said to be consistent with one."""

import pytest

from stresser.analysis.patterns.box_endings import AGE, IDLE, MOMENT, box_endings, like_boxes
from stresser.model.ending import Kind
from stresser.statistics.brackets import Bracket
from tests.analysis.story import seconds

FIN, NOTIFY = {Kind.TCP_FIN}, {Kind.TLS_CLOSE_NOTIFY}


def like(kinds, low=None, high=None, *, when=IDLE, proxied=False):
    limit = None if low is None else Bracket(seconds(low), seconds(high))
    return like_boxes(when, kinds, proxied=proxied, limit=limit)


def test_each_row_says_all_that_it_must():
    rows = box_endings()
    assert len(rows) == len({(row.box, row.when, row.setting) for row in rows})
    for row in rows:
        assert row.source.startswith("measured 2026-")
        assert row.when in {IDLE, AGE, MOMENT}
        assert row.version
        assert row.setting
        assert row.seconds is None or row.seconds > 0


def test_a_default_within_the_limit_tells():
    found = like(NOTIFY, 59.5, 60.5)
    assert any(
        one.startswith("nginx http 1.22.1 and 1.31.3, proxy_read_timeout (60 s") for one in found
    )
    assert not any(one.startswith("weak") for one in found)


def test_a_box_that_looks_late_fits_later():
    assert like(FIN, 900.4, 901.6, proxied=True)[0].startswith("squid CONNECT")
    assert like(FIN, 902.5, 903, proxied=True)[0].startswith("weak")


@pytest.mark.parametrize(("low", "high"), [(24.9, 25.1), (1, 1000)])
def test_by_the_form_alone_it_is_weak_and_says_so(low, high):
    (weak,) = like(FIN, low, high)
    assert weak.startswith("weak, by the form alone: nginx stream")
    assert "squid" not in weak


def test_several_kinds_at_once_are_like_no_box():
    assert like(FIN | NOTIFY, 59, 61) == []
    assert like({Kind.UNREACHABLE}, 59, 61) == []


def test_a_moment_and_an_age_are_no_idle_limit():
    assert "a reload of its configuration" in like({Kind.WS_CLOSE}, when=MOMENT)[0]
    assert like(FIN, 60, 60.1, when=AGE) == [
        "weak, by the form alone: Envoy tcp_proxy 1.40.0, max_downstream_connection_duration"
    ]
