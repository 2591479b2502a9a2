"""Chains judged: good, bad and hostile ones, by the roots given and by nobody else's."""

import ipaddress
import ssl
import sys
import time
import warnings
from collections import Counter

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.chain import ChainClass
from stresser.net import lineage, trust
from stresser.net.chain_facts import describe_chain
from stresser.net.trust import ChainJudge, chain_id
from tests.net.certificates import DAY, NOW, Issuer, der

NAME = "echo.lab.test"
LOCAL = ipaddress.ip_address("127.0.0.1")


def dns(name):
    return x509.DNSName(name)


ROOT = Issuer("Private Root")
MIDDLE = Issuer("Private Intermediate", ROOT)
STRANGER = Issuer("Inspection CA")
GOOD = ROOT.leaf(dns(NAME))
CN = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])


@pytest.fixture(scope="module")
def root_pem(tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "root.pem"
    path.write_bytes(ROOT.certificate.public_bytes(serialization.Encoding.PEM))
    return str(path)


@pytest.fixture(scope="module")
def judge(root_pem):
    return ChainJudge((root_pem,))


def test_a_good_chain_by_a_private_root_proves_the_endpoint(judge):
    verdict = judge.judge((GOOD,), NAME)
    assert verdict.problem is None
    assert verdict.endpoint_proved
    assert verdict.chain == chain_id((GOOD,))


def test_without_that_root_it_proves_nothing():
    verdict = ChainJudge(()).judge((GOOD,), NAME)
    assert verdict.problem == "unable to get local issuer certificate"
    assert not verdict.endpoint_proved


def test_the_intermediate_must_be_served(judge):
    leaf = MIDDLE.leaf(dns(NAME))
    assert judge.judge((leaf, der(MIDDLE.certificate)), NAME).endpoint_proved
    # A root at the end, as squid sends it, and certificates in disorder do no harm.
    chain = (leaf, der(ROOT.certificate), der(STRANGER.certificate), der(MIDDLE.certificate))
    assert judge.judge(chain, NAME).endpoint_proved
    alone = judge.judge((leaf,), NAME)
    assert alone.problem == "unable to get local issuer certificate"
    assert not alone.endpoint_proved


def self_signed():
    own = Issuer(NAME)
    return der(own.certificate)


def spoiled_signature():
    return GOOD[:-1] + bytes([GOOD[-1] ^ 1])


def of_an_expired_intermediate():
    return ROOT.leaf(dns(NAME), start=NOW - 2 * DAY, end=NOW - DAY)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (of_an_expired_intermediate, "certificate has expired"),
        (lambda: ROOT.leaf(dns(NAME), start=NOW + DAY / 2), "certificate is not yet valid"),
        (lambda: ROOT.leaf(dns("other.test")), f"the leaf is not for {NAME}"),
        (ROOT.leaf, f"the leaf is not for {NAME}"),
        (self_signed, "self-signed certificate"),
        (lambda: STRANGER.leaf(dns(NAME)), "unable to get local issuer certificate"),
        (spoiled_signature, "certificate signature failure"),
        (
            lambda: ROOT.leaf(dns(NAME), purpose=ExtendedKeyUsageOID.CLIENT_AUTH),
            "the leaf is not for TLS servers",
        ),
        (
            lambda: ROOT.leaf(dns(NAME), purpose=ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE),
            "the leaf is not for TLS servers",
        ),
    ],
    ids=[
        "expired", "early", "other name", "no name", "self-signed", "stranger", "spoiled",
        "for clients", "for anything",
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_chain(judge, make, problem):
    verdict = judge.judge((make(),), NAME)
    assert verdict.problem is not None
    assert verdict.problem.replace("self signed", "self-signed").startswith(problem)
    assert not verdict.endpoint_proved


def test_a_problem_above_the_leaf_says_where(judge):
    bare = x509.CertificateBuilder(
        issuer_name=ROOT.name,
        subject_name=(name := x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old")])),
        public_key=(key := ec.generate_private_key(ec.SECP256R1())).public_key(),
        serial_number=1,
        not_valid_before=NOW - 2 * DAY,
        not_valid_after=NOW - DAY,
    ).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    old = Issuer.__new__(Issuer)
    old.key, old.name = key, name
    chain = (old.leaf(dns(NAME)), der(bare.sign(ROOT.key, hashes.SHA256())))
    problem = judge.judge(chain, NAME).problem
    assert problem == "certificate has expired (certificate 1 above the leaf)"


def test_a_leaf_cannot_sign(judge):
    key = ec.generate_private_key(ec.SECP256R1())
    plain = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "no CA")])
    builder = ROOT.builder(plain, key, NOW - DAY, NOW + DAY, ROOT)
    not_ca = x509.BasicConstraints(ca=False, path_length=None)
    above = builder.add_extension(not_ca, critical=True).sign(ROOT.key, hashes.SHA256())
    forger = Issuer.__new__(Issuer)
    forger.key, forger.name = key, plain
    verdict = judge.judge((forger.leaf(dns(NAME)), der(above)), NAME)
    assert verdict.problem is not None
    assert not verdict.endpoint_proved


@pytest.mark.parametrize("chain", [(), (b"",), (b"\x30\x03junk",), (GOOD[:100],), (GOOD, b"junk")])
def test_a_chain_that_cannot_be_read_is_a_problem_and_no_crash(judge, chain):
    verdict = judge.judge(chain, NAME)
    assert verdict.problem
    assert not verdict.endpoint_proved
    assert len(describe_chain(chain)) == len(chain)


@pytest.mark.parametrize(
    ("name", "wanted", "fits"),
    [
        (x509.IPAddress(LOCAL), "127.0.0.1", True),
        (x509.IPAddress(LOCAL), "127.0.0.2", False),
        (x509.IPAddress(ipaddress.ip_address("::1")), "0:0:0:0:0:0:0:1", True),
        (dns("127.0.0.1"), "127.0.0.1", False),
        (dns("*.0.0.1"), "127.0.0.1", False),
        (x509.IPAddress(LOCAL), NAME, False),
        (dns(NAME), "127.0.0.1", False),
        (x509.RFC822Name(f"root@{NAME}"), NAME, False),
        (x509.UniformResourceIdentifier(f"https://{NAME}"), NAME, False),
    ],
    ids=str,
)
def test_addresses_and_names_are_kept_apart(judge, name, wanted, fits):
    assert judge.judge((ROOT.leaf(name),), wanted).endpoint_proved == fits


def test_a_common_name_counts_where_there_is_no_other_as_in_a_handshake(judge):
    beside = judge.judge((ROOT.leaf(dns("x.test"), subject=CN),), NAME)
    assert (beside.problem, beside.names_match) == (f"the leaf is not for {NAME}", False)
    alone = judge.judge((ROOT.leaf(subject=CN),), NAME)
    assert (alone.problem, alone.names_match) == (None, True)
    assert "in its CN alone, which browsers and Go refuse" in alone.why


def handshake_accepts(leaf, key, name, root_pem, tmp_path):
    """Whether OpenSSL's own client, told to require it, takes the leaf for this name."""
    pem = tmp_path / "leaf.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem.write_bytes(private + ssl.DER_cert_to_PEM_cert(leaf).encode())
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(str(pem))
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.load_verify_locations(root_pem)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(to_client, to_server, server_hostname=name)
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server, client):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError:
            return False
    return True


@pytest.mark.parametrize(
    ("leaf", "name"),
    [
        ({"names": [dns(NAME)]}, NAME),
        ({"names": [dns("*.lab.test")]}, NAME),
        ({"names": [dns("*.lab.test")]}, "lab.test"),
        ({"names": [dns("*.test")]}, "lab.test"),
        ({"names": [dns("e*.lab.test")]}, "other.lab.test"),
        ({"names": [dns("other.test")]}, NAME),
        ({"names": [x509.IPAddress(LOCAL)]}, "127.0.0.1"),
        ({"names": [dns("127.0.0.1")]}, "127.0.0.1"),
        ({"names": [dns("*.0.0.1")]}, "127.0.0.1"),
        ({"names": [dns(NAME)], "end": NOW - DAY / 2}, NAME),
        ({"names": [dns(NAME)], "purpose": ExtendedKeyUsageOID.SERVER_AUTH}, NAME),
        ({"names": [dns(NAME)], "purpose": ExtendedKeyUsageOID.CLIENT_AUTH}, NAME),
        ({"names": [dns(NAME)], "purpose": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}, NAME),
        ({"names": [], "subject": CN}, NAME),
        ({"names": [x509.IPAddress(LOCAL)], "subject": CN}, NAME),
        ({"names": [dns("other.test")], "subject": CN}, NAME),
    ],
    ids=range(16),  # a row's text holds the time of day, and xdist's workers must agree
)
def test_the_judge_says_what_a_handshake_would(judge, root_pem, tmp_path, leaf, name):
    options = dict(leaf)
    certificate, key = ROOT.issue(*options.pop("names"), **options)
    accepted = handshake_accepts(certificate, key, name, root_pem, tmp_path)
    assert judge.judge((certificate,), name).endpoint_proved == accepted


def duplicated(leaf):
    """Two extensions with one OID: nothing that a builder makes, all that a peer may send."""
    return leaf.replace(bytes.fromhex("06042a030405"), bytes.fromhex("06042a030404"))


def odd_certificates():
    odd = [x509.UnrecognizedExtension(x509.ObjectIdentifier(f"1.2.3.4.{n}"), b"x") for n in (4, 5)]
    leaf = ROOT.leaf(dns(NAME), extra=odd)
    version = bytes.fromhex("a003020102")
    serial = GOOD.index(version) + len(version)
    return {
        "duplicate extension": duplicated(leaf),
        "version 9": GOOD.replace(version, bytes.fromhex("a003020108")),
        "negative serial": GOOD[: serial + 2] + b"\x80" + GOOD[serial + 3 :],
        "x400 name": GOOD.replace(b"\x82\x0decho.lab.test", b"\xa3\x0decho.lab.test"),
        "name of nonsense": GOOD.replace(b"echo.lab.test", b"\xff\x00\x1b[2J\n\r\t\x80\x81xy"[:13]),
        "short address": ROOT.leaf(x509.IPAddress(LOCAL)).replace(
            b"\x87\x04\x7f\x00\x00\x01", b"\x82\x04\x7f\x00\x00\x01"
        ),
    }


@pytest.mark.parametrize("odd", odd_certificates().values(), ids=odd_certificates())
def test_an_odd_certificate_neither_raises_nor_warns_nor_passes(judge, odd):
    assert odd != GOOD
    with warnings.catch_warnings(record=True) as noticed:
        warnings.simplefilter("always")
        [facts] = describe_chain((odd,))
        verdict = judge.judge((odd,), NAME)
    assert noticed == []
    assert len(facts["sha256"]) == 64
    assert verdict.problem
    assert not verdict.endpoint_proved


@given(places=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=3))
def test_a_spoiled_certificate_never_raises_and_never_passes(judge, places):
    spoiled = bytearray(GOOD)
    for place, value in places:
        spoiled[place] = value
    chain = (bytes(spoiled),)
    assert judge.judge(chain, NAME).endpoint_proved == (chain == (GOOD,))
    check_bounds(describe_chain(chain))


@given(chain=st.lists(st.binary(max_size=300), max_size=30).map(tuple))
def test_random_bytes_are_described_and_judged(judge, chain):
    described = describe_chain(chain)
    assert len(described) == min(len(chain), 20)
    check_bounds(described)
    assert judge.judge(chain, NAME).problem


def check_bounds(described):
    for facts in described:
        for value in facts.values():
            assert isinstance(value, list) or len(value) <= 256
        assert len(facts.get("names", [])) <= 50


def test_one_verdict_for_each_chain_and_name(judge):
    first = judge.judge((GOOD,), NAME)
    assert judge.judge((bytes(bytearray(GOOD)),), NAME) is first
    assert judge.judge((GOOD,), "other.test") is not first


def test_a_peer_with_a_new_chain_each_time_costs_the_others_no_second_judgement(
    root_pem, monkeypatch
):
    monkeypatch.setattr(trust, "_CACHE_LIMIT", 8)
    judge = ChainJudge((root_pem,))
    first = judge.judge((GOOD,), NAME)
    for number in range(50):
        judge.judge((number.to_bytes(4, "big"),), NAME)
        assert judge.judge((GOOD,), NAME) is first


def tower(storeys):
    """So many CAs, each signed by the one before: the last, and all as DER, the last first."""
    issuers = [Issuer("Tower 0")]
    for storey in range(1, storeys):
        issuers.append(Issuer(f"Tower {storey}", issuers[-1]))
    below = [one.der for one in reversed(issuers)]
    return issuers[-1], below


def work(judge, chains):
    """How often each C function was called to judge them."""
    counts: Counter[str] = Counter()

    def note(_frame, event, function):
        if event == "c_call":
            counts[function.__name__] += 1

    sys.setprofile(note)
    try:
        for chain in chains:
            judge.judge(chain, NAME)
    finally:
        sys.setprofile(None)
    return counts


def test_a_hundred_certificates_cost_two_handshakes_and_few_signatures(root_pem):
    last, below = tower(100)
    chain = (last.leaf(dns(NAME)), *below)
    counts = work(ChainJudge((root_pem,)), [chain])
    assert counts["do_handshake"] <= 4  # of one handshake two calls: its hello, and the answer
    assert counts["verify_directly_issued_by"] <= 3 * lineage.MOST_CHECKS
    assert counts["load_der_x509_certificate"] <= len(chain) + 1


def test_a_peer_with_a_new_tower_each_time_is_soon_no_longer_looked_at(root_pem, monkeypatch):
    last, below = tower(20)
    towers = [(last.leaf(dns(NAME)), *below) for _ in range(40)]
    judge = ChainJudge((root_pem,))
    counts = work(judge, towers)
    assert counts["do_handshake"] <= 4 * trust._MOST_HEAVY
    first, late = judge.judge(towers[0], NAME), judge.judge(towers[-1], NAME)
    assert str(late.problem).startswith("not judged: one more chain of 21 certificates")
    assert (late.chain_class, late.intercepted) == (ChainClass.BROKEN, False)
    assert judge.judge(towers[0], NAME) is first
    assert judge.judge((GOOD,), NAME).problem is None  # what is usual is judged all the same
    later = time.monotonic() + trust._JUDGED_ANEW_S + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert "not judged" not in str(judge.judge(towers[-1], NAME).problem)


def test_names_that_differ_in_case_and_spaces_are_joined_as_openssl_joins_them():
    def named(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    top = Issuer("Joined  CA")
    top.name = named("JOINED ca")  # how the leaf writes its issuer's name
    leaf = top.leaf(dns(NAME))
    others = [Issuer(f"Other {n}").der for n in range(8)]
    assert lineage.joinable((leaf, *others, top.der)) == (leaf, top.der)


def test_the_cache_is_bounded_in_entries_and_keeps_no_chain(root_pem, monkeypatch):
    monkeypatch.setattr(trust, "_CACHE_LIMIT", 8)
    judge = ChainJudge((root_pem,))
    for number in range(50):
        judge.judge((number.to_bytes(4, "big"),), NAME)
        assert len(judge._verdicts) <= 8
    assert all(len(digest) == 32 for digest, _ in judge._verdicts)


def test_a_ca_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="PEM"):
        ChainJudge((str(tmp_path / "none.pem"),))


def test_a_chains_id_is_short_and_its_own():
    assert len(chain_id((GOOD,))) == 16
    assert chain_id((GOOD,)) != chain_id((GOOD, GOOD))
