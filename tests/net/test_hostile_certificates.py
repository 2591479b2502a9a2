"""Certificates made to hurt whoever reads or shows them: refused or shown escaped, never fatal."""

import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from stresser.analysis.chains.accusations import accusations_in_words
from stresser.analysis.chains.interception import interceptions
from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.summary.notes import run_notes
from stresser.analysis.views.session_story import StoryTeller
from stresser.model.chain import TlsFacts
from stresser.model.cohort import Cohort
from stresser.model.events import SessionOpened
from stresser.net.chain_facts import describe_chain, leaf_facts
from stresser.net.inspectors import product_of
from stresser.net.trust import ChainJudge
from stresser.record.chain_files import ChainShelf
from stresser.record.events_file import LONGEST_LINE, encode_event
from stresser.session.chains_seen import _chain_seen
from tests.net.certificates import Issuer

NAME = "broker.example.net"
COHORT = Cohort("broker", "vpn", "heartbeat")
ROOT = Issuer("Root")
NASTY = "\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>\r\n\x00\u202e'\";--"


def named(text, oid=NameOID.ORGANIZATION_NAME):
    return x509.Name([x509.NameAttribute(oid, text, _validate=False)])


def issued_by(text):
    issuer = Issuer("x")
    issuer.name = named(text)
    return issuer.leaf(x509.DNSName(NAME), subject=named(text, NameOID.ORGANIZATIONAL_UNIT_NAME))


def element(tag, content):
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


GOOD = ROOT.leaf(x509.DNSName(NAME))
VERSION = bytes.fromhex("a003020102")


def negative_serial():
    place = GOOD.index(VERSION) + len(VERSION) + 2
    return GOOD[:place] + b"\xff" + GOOD[place + 1 :]


def duplicate_extensions():
    odd = [x509.UnrecognizedExtension(x509.ObjectIdentifier(f"1.2.3.4.{n}"), b"x") for n in (4, 5)]
    leaf = ROOT.leaf(x509.DNSName(NAME), extra=odd)
    return leaf.replace(bytes.fromhex("06042a030405"), bytes.fromhex("06042a030404"))


def many_names():
    names = [x509.DNSName(f"{NASTY[:7]!r}{number}.example.net"[:60]) for number in range(10_000)]
    return ROOT.leaf(*names)


def endless_nesting():
    inner = b""
    for _ in range(20_000):
        inner = element(0x30, inner)
    return inner


CHAINS = {
    "terminal escapes": lambda: (issued_by(NASTY),),
    "escapes and a root that says it is Zscaler": lambda: (issued_by("Zscaler Inc.\n" + NASTY),),
    "a name of one megabyte": lambda: (issued_by("x" * (1 << 20)),),
    "a certificate of nothing but length": lambda: (b"\x30\x84\xff\xff\xff\xff",),
    "an indefinite length": lambda: (b"\x30\x80\x00\x00",),
    "cut short": lambda: (GOOD[:-40],),
    "followed by rubbish": lambda: (GOOD + b"rubbish",),
    "nested for ever": lambda: (endless_nesting(),),
    "ten thousand names": lambda: (many_names(),),
    "duplicate extensions": lambda: (duplicate_extensions(),),
    "a negative serial": lambda: (negative_serial(),),
    "serial of nothing": lambda: (GOOD.replace(VERSION, b"\xa0\x03\x02\x01\x02\x02\x00", 1),),
    "a hundred certificates": lambda: (GOOD,) * 100,
    "a key that is none": lambda: (GOOD.replace(bytes.fromhex("2a8648ce3d0201"), b"\x2a" * 7),),
    "a year that never was": lambda: (GOOD.replace(b"\x17\x0d", b"\x18\x0d", 1),),
    "names in no encoding": lambda: (GOOD.replace(NAME.encode(), b"\xff\xfe\x1b[2J" + b"\0" * 12),),
}


def seen(chain):
    judge = ChainJudge(())
    verdict = judge.judge(chain, NAME)
    return _chain_seen(chain, verdict, COHORT, 1, "2026-11-25T00:00:00Z", is_kept=True), verdict


@pytest.mark.parametrize("make", CHAINS.values(), ids=CHAINS)
def test_a_hostile_chain_is_judged_described_recorded_and_shown(make):
    chain = make()
    began = time.process_time()
    event, verdict = seen(chain)
    line = encode_event(event)
    assert len(line) <= LONGEST_LINE + 1
    assert verdict.chain_class != "public"
    assert not verdict.endpoint_proved
    for text in all_that_is_shown(event, verdict):
        assert text.isprintable(), text
        assert len(text) < 1500
    assert time.process_time() - began < 2


def all_that_is_shown(event, verdict):
    tls = TlsFacts(
        version="TLSv1.2",
        cipher="X",
        alpn=None,
        chain=verdict.chain,
        verified=False,
        problem=verdict.problem,
        chain_class=verdict.chain_class,
        root=verdict.root,
        intercepted=True,
    )
    opened = SessionOpened(
        t_ns=2,
        utc="2026-11-25T00:00:00Z",
        **COHORT._asdict(),
        session=1,
        attempt=1,
        phases_ns={"connect": 1, "tls": 10**9},
        local="192.0.2.1:1",
        remote="192.0.2.2:443",
        tls=tls,
    )
    event.intercepted = True  # the worst case: its texts stand in a finding
    tally, teller = Tally(), StoryTeller(session=1)
    for one in (event, opened):
        tally.event(one)
        teller.event(one)
    plan = read_plan({"endpoints": [{"name": "broker", "url": f"wss://{NAME}/"}]})
    story = teller.story(tally.served)
    assert story is not None
    return [
        *accusations_in_words(interceptions(tally.served, plan.hosts), plan.hosts),
        *run_notes(tally, plan),
        *(value for _, value in story.lines),
    ]


def test_a_nasty_name_is_shown_as_what_it_is():
    event, verdict = seen((issued_by(NASTY),))
    shown = " ".join(all_that_is_shown(event, verdict))
    assert r"\x1b]0;owned\x07\x1b[2J<script>" in shown
    assert "\x1b" not in shown


def test_a_nasty_name_may_still_be_a_products():
    product = product_of((issued_by("Zscaler Inc."),))
    assert product is not None
    assert product_of((issued_by("Zscaler Inc.\x1b[2J"),)) is None


def test_facts_of_a_huge_field_are_cut():
    chain = (issued_by("x" * 60_000),)
    facts = leaf_facts(chain)
    assert facts.issuer is not None
    assert len(facts.issuer) <= 256
    assert all(len(str(value)) <= 256 for value in describe_chain(chain)[0].values())


def test_a_megabyte_is_not_even_parsed():
    [facts] = describe_chain((issued_by("x" * (1 << 20)),))
    assert "a certificate of 2" in facts["problem"]
    assert leaf_facts((issued_by("x" * (1 << 20)),)).issuer is None


def test_what_is_kept_of_a_hostile_chain_is_bounded():
    shelf = ChainShelf()
    assert not shelf.keep("0" * 16, (bytes(300_000),))
    assert shelf.keep("1" * 16, (GOOD,))
    assert set(shelf.take()) == {"1" * 16}


def test_openssl_itself_refuses_a_chain_over_its_limit(tmp_path):
    """SSL_CTX_set_max_cert_list(3): 100 KB. So no handshake ever hands us more than that."""
    issuer = Issuer("x")
    attribute = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "x" * 200_000, _validate=False)
    der, key = issuer.issue(x509.DNSName(NAME), subject=x509.Name([attribute]))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem = tmp_path / "huge.pem"
    pem.write_bytes(private + ssl.DER_cert_to_PEM_cert(der).encode())
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(str(pem))
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname, client_context.verify_mode = False, ssl.CERT_NONE
    client = client_context.wrap_bio(to_client, to_server, server_hostname=NAME)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    refused = None
    for end in (client, server, client):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as exc:
            refused = exc
    assert refused is not None
    assert "excessive" in str(refused).lower()
