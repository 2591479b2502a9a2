"""Chains that differ, as values; test_change_words.py has each kind."""

from stresser.analysis.chains.changes import ChangeKind, chain_changes
from stresser.analysis.counts.run_tally import Tally
from tests.analysis.story import (
    DIRECT,
    INSPECTED_TLS,
    PUBLIC_TLS,
    VPN,
    Story,
    chain_seen,
    seconds,
)


def test_a_change_has_its_scope_its_moment_and_its_numbers():
    story = Story([DIRECT, VPN], 1)
    for cohort, at, tls in ((VPN, 1, PUBLIC_TLS), (VPN, 5, PUBLIC_TLS), (VPN, 9, INSPECTED_TLS)):
        story.events.append(chain_seen(cohort, tls))
        story.opens(cohort, at, tls=tls)
    tally = Tally()
    for event in story.events:
        tally.event(event)
    [change] = chain_changes(tally.served)
    assert (change.kind, change.endpoint, change.egresses) == (ChangeKind.SINCE, "broker", ("vpn",))
    assert [kind.verdict for kind in change.kinds] == ["public", "private_trusted"]
    assert (change.handshakes, change.since_ns) == ((2, 1), seconds(9))
