"""Chains told once for each cohort, with all that is known of them."""

from dataclasses import replace

import msgspec
import trio
from cryptography import x509

from stresser.model.chain import ChainClass, ChainRoot
from stresser.model.cohort import Cohort
from stresser.model.events import ChainSeen
from stresser.net.trust import ChainJudge
from stresser.session.attempt import Attempt
from stresser.session.chains_seen import ChainsSeen, _chain_seen, keep_none
from stresser.witness.clock import RunClock
from tests.fakes.certificates import authority, authority_file, server_context
from tests.fakes.loopback import loopback_route
from tests.fakes.peers import websocket_server
from tests.fakes.world import COHORT, in_virtual_time, world
from tests.net.certificates import Issuer, scts

OTHER = Cohort("broker", "direct", "heartbeat")
NAME = "broker.example.net"


def test_a_chain_is_new_once_for_each_cohort():
    book = ChainsSeen()
    told = [book.is_new(cohort, chain) for cohort in (COHORT, OTHER) for chain in "aab"]
    assert told == [True, False, True, True, False, True]


def test_a_peer_that_makes_a_chain_for_each_session_fills_no_memory():
    book = ChainsSeen()
    new = sum(book.is_new(COHORT, f"{n:016x}") for n in range(30_000))
    assert 10_000 == new == len(book._seen)
    assert not book.is_new(COHORT, "one more")


def test_a_chain_that_has_expired_since_is_told_again():
    book = ChainsSeen()
    classes = [ChainClass.PUBLIC, ChainClass.PUBLIC, ChainClass.BROKEN]
    assert [book.is_new(COHORT, "a", one) for one in classes] == [True, False, True]


def test_a_session_tells_of_its_chain_and_has_it_kept():
    kept = {}

    def keep(chain_id, chain):
        kept[chain_id] = chain
        return True

    async def story():
        async with world(websocket_server(server_context())) as made:
            made.around.chains.keep = keep
            for _ in range(3):
                made.start(made.route())
            await trio.sleep(1)
            return made.notebook

    notebook = in_virtual_time(story)
    [seen] = [event for event in notebook.events if isinstance(event, ChainSeen)]
    opened = notebook.opened
    assert {event.tls.chain for event in opened} == {seen.chain} == set(kept)
    assert (seen.chain_class, seen.root) == (ChainClass.DECLARED, ChainRoot.DECLARED)
    assert (seen.verified, seen.intercepted, seen.names_match) == (True, False, True)
    assert seen.file == f"chains/{seen.chain}.pem"
    assert seen.scts == 0
    assert seen.ocsp_staple is None  # not visible: never said to be absent
    assert seen.issuer is not None
    assert seen.issuer.startswith("O=trustme")
    assert len(seen.spki_sha256 or "") == 64
    assert seen.product is None


def seen_of(chain, ca_files=()):
    verdict = ChainJudge(ca_files).judge(chain, NAME)
    return _chain_seen(chain, verdict, COHORT, 1, "now", is_kept=keep_none("", chain))


def test_a_private_chain_is_consistent_with_a_product_and_a_declared_one_with_none():
    strange = Issuer("mitmproxy", organisation="mitmproxy")
    leaf = strange.leaf(x509.DNSName(NAME), extra=[scts(2)])
    seen = seen_of((leaf, strange.der))
    assert (seen.product, seen.product_is_weak) == ("mitmproxy", False)
    assert (seen.scts, seen.file, seen.issuer_organisation) == (2, None, "mitmproxy")
    assert not seen.intercepted
    assert seen_of((leaf, strange.der), (authority_file(),)).intercepted


def test_the_same_name_on_a_declared_chain_is_not_attributed(tmp_path):
    own = Issuer("Zscaler Root CA", organisation="Zscaler Inc.")
    file = tmp_path / "own.pem"
    file.write_bytes(own.pem)
    seen = seen_of((own.leaf(x509.DNSName(NAME)),), (str(file),))
    assert (seen.chain_class, seen.product) == (ChainClass.DECLARED, None)


def test_the_authority_of_these_tests_is_nobodys_product():
    assert seen_of((authority().cert_pem.bytes(),)).product is None


def attempted(book, chain, ca_files=(), *, egress="vpn", verdict=None):
    """An attempt through an egress that was served this chain, told to the book."""

    async def story():
        route = replace(
            loopback_route(443, egress=egress), judge=ChainJudge(ca_files), server_name=NAME
        )
        attempt = Attempt(1, route, RunClock())
        attempt.chain = chain
        attempt.verdict = verdict or route.judge.judge(chain, NAME)
        book.news_of(attempt, 1, "now")
        return book.is_interceptors(route, attempt.verdict.chain)

    return trio.run(story)


def test_a_private_root_alone_makes_no_interceptor():
    """An in-house endpoint's own, which the scenario does not declare, looks the same."""
    own = Issuer("Example Internal CA")
    chain = (own.leaf(x509.DNSName(NAME)), own.der)
    book = ChainsSeen()
    assert not attempted(book, chain)
    assert not attempted(book, chain, egress="direct")
    assert attempted(book, chain, (authority_file(),))  # the scenario declares another


def test_a_chain_of_the_endpoints_own_through_another_egress_gives_the_interceptor_away():
    strange = Issuer("Example Inspection CA")
    chain = (strange.leaf(x509.DNSName(NAME)), strange.der)
    book = ChainsSeen()
    assert not attempted(book, chain)
    proved = msgspec.structs.replace(ChainJudge(()).judge(chain, NAME), endpoint_proved=True)
    attempted(book, chain, egress="direct", verdict=proved)
    assert attempted(book, chain)


def test_a_chain_that_names_its_maker_is_an_interceptors():
    strange = Issuer("mitmproxy", organisation="mitmproxy")
    assert attempted(ChainsSeen(), (strange.leaf(x509.DNSName(NAME)), strange.der))
