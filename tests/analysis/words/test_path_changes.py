"""Path changes as sentences' parts."""

import pytest

from stresser.analysis.words.path_changes import at_clock_time, path_change_in_words
from stresser.model.events import PathChanged
from stresser.model.path_change import PathChange


def made(change, interface=None, detail="", *, is_tunnel=False):
    return PathChanged(
        t_ns=1,
        utc="2026-11-23T02:13:07.123456Z",
        change=change,
        interface=interface,
        is_tunnel=is_tunnel,
        detail=detail,
    )


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            made(PathChange.LINK_DOWN, "tun0", "switched off; tun", is_tunnel=True),
            "tun0 (a tunnel) went down (switched off; tun)",
        ),
        (made(PathChange.LINK_UP, "eth0", "Ethernet, MTU 1500"), "eth0 came up"),
        (made(PathChange.LINK_REMOVED, "wg0", is_tunnel=True), "wg0 (a tunnel) disappeared"),
        (
            made(PathChange.MTU_CHANGED, "eth0", "1500 -> 1280 bytes"),
            "eth0 got another MTU (1500 -> 1280 bytes)",
        ),
        (made(PathChange.ADDRESS_ADDED, "eth0", "192.0.2.5/24"), "address 192.0.2.5/24 on eth0"),
        (
            made(PathChange.ADDRESS_REMOVED, "eth0", "192.0.2.5/24"),
            "address removed: 192.0.2.5/24 on eth0",
        ),
        (
            made(PathChange.DEFAULT_ROUTE_CHANGED, "tun0", "added: 0.0.0.0/1 dev tun0"),
            "default route added: 0.0.0.0/1 dev tun0",
        ),
        (
            made(PathChange.RESOLVER_CHANGED, None, "/etc/resolv.conf: a -> b"),
            "resolver /etc/resolv.conf: a -> b",
        ),
        (
            made(PathChange.MANY, None, "9,980 more: 9,980 route_removed"),
            "many changes at once, 9,980 more: 9,980 route_removed",
        ),
        (made(PathChange.LINK_UP, None), "an interface came up"),
    ],
)
def test_words(event, words):
    assert path_change_in_words(event) == words


@pytest.mark.parametrize("change", PathChange)
def test_every_change_has_words_and_shows_nothing_raw(change):
    words = path_change_in_words(made(change, "a\x1b[2J" * 50, "b\x1b[2J" * 500))
    assert "\x1b" not in words
    assert len(words) < 300


def test_the_clock_time():
    assert at_clock_time(made(PathChange.LINK_UP)) == "at 02:13:07 UTC"
