"""The table of limits, and what is said below it."""

import io

from msgspec.structs import replace
from rich.console import Console

from stresser.report.limits_terminal import print_limits
from tests.analysis.summary.test_limit_words import FOUND, NONE


def printed(*limits):
    out = io.StringIO()
    print_limits(limits, Console(file=out, width=120))
    return out.getvalue()


def test_a_row_a_sentence_the_heartbeat_and_the_line():
    text = printed(FOUND, replace(NONE, egress="direct"))
    rows = [line for line in text.splitlines() if " idle " in line][:2]
    assert [row.split()[:3] for row in rows] == [
        ["broker", "through", "vpn"], ["broker", "through", "direct"],
    ]  # fmt: skip
    assert "4 m 59 s-5 m 1 s" in rows[0]
    assert "counts" in rows[0]
    assert "vpn ends quiet sessions to broker" in text
    assert 'For a scenario: [activity] kind = "heartbeat", every = "3m50s"' in text
    assert text.count("For the network team:") == 1


def test_where_there_is_none_nothing_is_asked_for():
    text = printed(NONE)
    assert "no limit of silence found up to 2 h" in text
    assert "For " not in text


def test_names_are_escaped():
    assert "\x1b" not in printed(replace(NONE, endpoint="a\x1b[31m"))
