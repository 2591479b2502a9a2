"""Which proxy a PAC file led to, in words."""

from msgspec.structs import replace

from stresser.analysis.words.proxy_choices import change_of_proxy_words, pac_words, taken_words
from stresser.model.proxy_chosen import ProxyChosen

CHOSEN = ProxyChosen(
    t_ns=0, utc="u", endpoint="e", egress="corp", source="pac:corp.pac", url="wss://e/",
    answer="PROXY a:1; DIRECT", entries=["http://a:1", "direct"], chosen="http://a:1",
)  # fmt: skip


def test_what_was_said_and_used():
    said = 'corp.pac returned "PROXY a:1; DIRECT" for wss://e/'
    assert pac_words(CHOSEN) == said
    assert taken_words(CHOSEN) == f"{said}; used http://a:1"
    gone = replace(CHOSEN, source="http://w/x (GNOME's settings)", chosen="direct",
                   without_pac="cannot be read: HTTP 404")  # fmt: skip
    assert taken_words(gone) == (
        "the PAC file http://w/x (GNOME's settings) cannot be read: HTTP 404; used direct"
    )


def test_a_change():
    failed = replace(CHOSEN, chosen="direct", instead_of="http://a:1", failure="no \x1b[2J")
    assert change_of_proxy_words(failed) == (
        r"http://a:1 failed (no \x1b[2J): new sessions go directly"
    )
    assert change_of_proxy_words(replace(CHOSEN, attempt=9)) == (
        "sessions go through http://a:1 again"
    )
