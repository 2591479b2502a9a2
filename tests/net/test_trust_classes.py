"""Every class of verdict: whose root it is, what exactly is wrong, and who is accused."""

import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stresser.model.chain import ChainClass, ChainRoot
from stresser.net import chain_origin
from stresser.net.chain_facts import spki_sha256
from stresser.net.trust import ChainJudge
from tests.net.certificates import DAY, NOW, Issuer, der, policy, scts

NAME = "broker.example.net"
PUBLIC = Issuer("Public Root", organisation="Public Trust Inc")
PUBLIC_MIDDLE = Issuer("Public CA 1", PUBLIC, organisation="Public Trust Inc")
PUBLIC_EXPIRED_MIDDLE = Issuer("Public CA 0", PUBLIC, start=NOW - 9 * DAY, end=NOW - 2 * DAY)
EXPIRED_PUBLIC = Issuer("Old Public Root", start=NOW - 9 * DAY, end=NOW - DAY)
DECLARED = Issuer("Corp Root")
DECLARED_MIDDLE = Issuer("Corp Issuing CA", DECLARED)
INSPECTION = Issuer("Inspection CA")
INSPECTION_MIDDLE = Issuer("Inspection Issuing CA", INSPECTION)
STRANGER = Issuer("Stranger Root")
FORMER = Issuer("Former Public Root")
TWICE = Issuer("Private Root in both")
TWICE_DECLARED = Issuer("Declared, yet no root", STRANGER)


def crossed(issuer, by, *, old=False):
    """A certificate of the same name and key by somebody else."""
    start, end = (NOW - 9 * DAY, NOW - 2 * DAY) if old else (NOW - DAY, NOW + DAY)
    builder = issuer.builder(issuer.name, issuer.key, start, end, by)
    ca = x509.BasicConstraints(ca=True, path_length=None)
    return der(builder.add_extension(ca, critical=True).sign(by.key, hashes.SHA256()))


def dns(name=NAME):
    return x509.DNSName(name)


LOGGED = scts(2)


def public_leaf(issuer=PUBLIC_MIDDLE, name=NAME, **options):
    return issuer.leaf(dns(name), extra=[LOGGED], **options)


def own_leaf():
    """What a developer makes for one server, and has this host trust."""
    own = Issuer(NAME)
    builder = own.builder(own.name, own.key, NOW - DAY, NOW + DAY, own)
    san = x509.SubjectAlternativeName([dns()])
    return builder.add_extension(san, critical=False).sign(own.key, hashes.SHA256())


OWN_LEAF = own_leaf()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("roots")

    def write(name, *issuers):
        path = folder / name
        path.write_bytes(b"".join(issuer.pem for issuer in issuers))
        return str(path)

    own = folder / "self.pem"
    own.write_bytes(OWN_LEAF.public_bytes(serialization.Encoding.PEM))
    (folder / "none").mkdir()
    return {
        "mozilla": write("mozilla.pem", PUBLIC, EXPIRED_PUBLIC, TWICE),
        "ca": write("corp.pem", DECLARED, TWICE, TWICE_DECLARED),
        "host": write("host.pem", PUBLIC, INSPECTION, FORMER, TWICE),
        "knowing": write("knowing.pem", PUBLIC, PUBLIC_MIDDLE, DECLARED),
        "self": str(own),
        "no folder": str(folder / "none"),
    }


@pytest.fixture
def judge(files, monkeypatch):
    def make(host="host", *, declares=False):
        monkeypatch.setenv("SSL_CERT_FILE", files[host])
        monkeypatch.setenv("SSL_CERT_DIR", files["no folder"])
        former = frozenset({spki_sha256(FORMER.certificate)})
        monkeypatch.setattr(chain_origin, "former_keys", lambda: former)
        ca_files = (files["ca"],) if declares else ()
        return ChainJudge(ca_files, mozilla_file=files["mozilla"])

    return make


C, R = ChainClass, ChainRoot
CASES = {
    # name: (chain, declares, class, root, intercepted, proved, words of `why`)
    "public": (
        lambda: (public_leaf(), PUBLIC_MIDDLE.der),
        False, C.PUBLIC, R.MOZILLA, False, True, "its root is one of Mozilla's",
    ),
    "public though a ca is declared": (
        lambda: (public_leaf(), PUBLIC_MIDDLE.der),
        True, C.PUBLIC, R.MOZILLA, False, True, "Mozilla",
    ),
    "public, in disorder and with its root": (
        lambda: (public_leaf(), PUBLIC.der, PUBLIC_MIDDLE.der),
        False, C.PUBLIC, R.MOZILLA, False, True, "Mozilla",
    ),
    "a root of Mozilla's that is declared, too": (
        lambda: (TWICE.leaf(dns()),),
        True, C.PUBLIC, R.MOZILLA, False, True, "Mozilla",
    ),
    "a root that Mozilla carried and this host trusts": (
        lambda: (FORMER.leaf(dns()),),
        False, C.PUBLIC, R.FORMER, False, False, "in earlier years",
    ),
    "declared": (
        lambda: (DECLARED_MIDDLE.leaf(dns()), DECLARED_MIDDLE.der),
        True, C.DECLARED, R.DECLARED, False, True, "the endpoint's own ca",
    ),
    "declared elsewhere, not here": (
        lambda: (DECLARED_MIDDLE.leaf(dns()), DECLARED_MIDDLE.der, DECLARED.der),
        False, C.PRIVATE_UNTRUSTED, R.OTHER, False, False, "root CN=Corp Root is known neither",
    ),
    "private, trusted here": (
        lambda: (INSPECTION.leaf(dns()),),
        False, C.PRIVATE_TRUSTED, R.HOST, True, False, "trusted by this host, but it is no public",
    ),
    "private, trusted here, another one declared": (
        lambda: (INSPECTION_MIDDLE.leaf(dns()), INSPECTION_MIDDLE.der, INSPECTION.der),
        True, C.PRIVATE_TRUSTED, R.HOST, True, False, "CN=Inspection CA",
    ),
    "private, trusted here, with timestamps": (
        lambda: (public_leaf(INSPECTION),),
        False, C.PRIVATE_TRUSTED, R.HOST, True, False, "maybe one that Mozilla lacks",
    ),
    "private, trusted here, expired: whose root it is stays": (
        lambda: (INSPECTION.leaf(dns(), start=NOW - 2 * DAY, end=NOW - DAY),),
        False, C.BROKEN, R.HOST, True, False, "certificate has expired, valid from",
    ),
    "private, trusted here, wrong name": (
        lambda: (INSPECTION.leaf(dns("portal.corp.test")),),
        False, C.BROKEN, R.HOST, True, False, f"the leaf is not for {NAME}; its root",
    ),
    "unknown root, nothing declared: not accused": (
        lambda: (STRANGER.leaf(dns()), STRANGER.der),
        False, C.PRIVATE_UNTRUSTED, R.OTHER, False, False, "CN=Stranger Root is known neither",
    ),
    "unknown root, another one declared": (
        lambda: (STRANGER.leaf(dns()), STRANGER.der),
        True, C.PRIVATE_UNTRUSTED, R.OTHER, True, False, "the endpoint's own ca is another one",
    ),
    "unknown root that was not served, another declared: not to be known": (
        lambda: (STRANGER.leaf(dns()),),
        True, C.PRIVATE_UNTRUSTED, R.HIDDEN, False, False, "issuer CN=Stranger Root was not served",
    ),
    "declared root, intermediate missing": (
        lambda: (DECLARED_MIDDLE.leaf(dns()),),
        True, C.PRIVATE_UNTRUSTED, R.HIDDEN, False, False, "issuer CN=Corp Issuing CA was not",
    ),
    "a leaf that signed itself": (
        lambda: (Issuer(NAME).der,),
        False, C.PRIVATE_UNTRUSTED, R.LEAF, False, False, "signed by itself: no CA vouches",
    ),
    "a leaf that signed itself, a root declared: an endpoint's own mistake": (
        lambda: (Issuer(NAME).der,),
        True, C.PRIVATE_UNTRUSTED, R.LEAF, False, False, "signed by itself",
    ),
    "public, intermediate missing": (
        lambda: (public_leaf(),),
        False, C.BROKEN, R.HIDDEN, False, False,
        "issuer CN=Public CA 1, O=Public Trust Inc was not served; the leaf holds 2 SCTs",
    ),
    "public by its policy, intermediate missing": (
        lambda: (PUBLIC_MIDDLE.leaf(dns(), extra=[policy("2.23.140.1.2.1")]),),
        True, C.BROKEN, R.HIDDEN, False, False, "holds a public validation policy",
    ),
    "public, expired": (
        lambda: (public_leaf(start=NOW - 9 * DAY, end=NOW - DAY), PUBLIC_MIDDLE.der),
        False, C.BROKEN, R.MOZILLA, False, False, "certificate has expired, valid from",
    ),
    "public, not yet valid": (
        lambda: (public_leaf(start=NOW + DAY / 2, end=NOW + DAY), PUBLIC_MIDDLE.der),
        False, C.BROKEN, R.MOZILLA, False, False, "certificate is not yet valid",
    ),
    "public, expired intermediate": (
        lambda: (public_leaf(PUBLIC_EXPIRED_MIDDLE), PUBLIC_EXPIRED_MIDDLE.der),
        False, C.BROKEN, R.MOZILLA, False, False, "expired (certificate 1 above the leaf), valid",
    ),
    "public, expired root": (
        lambda: (public_leaf(EXPIRED_PUBLIC),),
        False, C.BROKEN, R.MOZILLA, False, False, "expired (certificate 1 above the leaf)",
    ),
    "public, wrong name": (
        lambda: (public_leaf(name="other.example.net"), PUBLIC_MIDDLE.der),
        False, C.BROKEN, R.MOZILLA, False, False, f"the leaf is not for {NAME}; its root is one of",
    ),
    "public, expired and wrong name": (
        lambda: (
            public_leaf(name="x.test", start=NOW - 9 * DAY, end=NOW - DAY), PUBLIC_MIDDLE.der,
        ),
        False, C.BROKEN, R.MOZILLA, False, False, f"UTC; the leaf is not for {NAME}; its root",
    ),
    "public, for clients": (
        lambda: (public_leaf(purpose=ExtendedKeyUsageOID.CLIENT_AUTH), PUBLIC_MIDDLE.der),
        False, C.BROKEN, R.MOZILLA, False, False, "not for TLS servers",
    ),
    "declared, expired": (
        lambda: (DECLARED.leaf(dns(), start=NOW - 9 * DAY, end=NOW - DAY),),
        True, C.BROKEN, R.DECLARED, False, False, "expired",
    ),
    "an expired cross-signature by an unknown root, served before the valid path": (
        lambda: (public_leaf(), crossed(PUBLIC_MIDDLE, STRANGER, old=True), STRANGER.der,
                 PUBLIC_MIDDLE.der),
        True, C.PUBLIC, R.MOZILLA, False, True, "Mozilla",
    ),
    "an expired cross-signature by an inspection root of this host's, served first": (
        lambda: (DECLARED_MIDDLE.leaf(dns()), crossed(DECLARED_MIDDLE, INSPECTION, old=True),
                 DECLARED_MIDDLE.der),
        True, C.DECLARED, R.DECLARED, False, True, "the endpoint's own ca",
    ),
    "an inspection root of this host's below an expired public cross-signature": (
        lambda: (INSPECTION_MIDDLE.leaf(dns()), crossed(INSPECTION_MIDDLE, PUBLIC, old=True),
                 INSPECTION_MIDDLE.der),
        True, C.PRIVATE_TRUSTED, R.HOST, True, False, "root CN=Inspection CA is trusted",
    ),
    "all expired, another certificate of the same key leads to the declared root": (
        lambda: (DECLARED_MIDDLE.leaf(dns(), start=NOW - 9 * DAY, end=NOW - DAY),
                 crossed(DECLARED_MIDDLE, STRANGER), STRANGER.der, DECLARED_MIDDLE.der),
        True, C.BROKEN, R.DECLARED, False, False, "the endpoint's own ca",
    ),
    "a cross-signature by this host's own root, beside the declared one": (
        lambda: (DECLARED_MIDDLE.leaf(dns()), crossed(DECLARED_MIDDLE, INSPECTION),
                 DECLARED_MIDDLE.der),
        True, C.DECLARED, R.DECLARED, False, False, "the endpoint's own ca",
    ),
    "a declared intermediate is no root": (
        lambda: (TWICE_DECLARED.leaf(dns()), STRANGER.der),
        True, C.BROKEN, R.DECLARED, False, False, "is no root itself",
    ),
    "for clients, by an inspection root": (
        lambda: (INSPECTION.leaf(dns(), purpose=ExtendedKeyUsageOID.CLIENT_AUTH),),
        False, C.BROKEN, R.HOST, True, False, "not for TLS servers",
    ),
    "another key under the declared root's name": (
        lambda: (Issuer("Corp Root").leaf(dns()),),
        True, C.BROKEN, R.NONE, False, False, "certificate signature failure",
    ),
    "nothing served": (
        tuple, False, C.BROKEN, R.NONE, False, False, "served no certificate",
    ),
    "nonsense served": (
        lambda: (b"nonsense",), True, C.BROKEN, R.NONE, False, False, "cannot be decoded",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_chain_is_judged_by_its_root(judge, case):
    make, declares, chain_class, root, intercepted, proved, words = case
    verdict = judge(declares=declares).judge(make(), NAME)
    assert (verdict.chain_class, verdict.root) == (chain_class, root), verdict.why
    assert (verdict.intercepted, verdict.endpoint_proved) == (intercepted, proved)
    assert words in verdict.why


def test_every_class_and_every_root_has_its_case():
    assert {case[2] for case in CASES.values()} == set(ChainClass)
    assert {case[3] for case in CASES.values()} == set(ChainRoot)


def test_a_copy_of_a_root_signs_nothing(judge):
    """Who serves a known root with a leaf that another key signed has proved nothing."""
    forger = Issuer("Stranger Root")
    verdict = judge(declares=True).judge((forger.leaf(dns()), STRANGER.der), NAME)
    assert (verdict.chain_class, verdict.root) == (ChainClass.BROKEN, ChainRoot.NONE)
    assert not verdict.intercepted
    assert "signature failure" in verdict.why


def test_a_forged_leaf_below_an_expired_public_intermediate_is_nobodys(judge):
    forger = Issuer("Public CA 0")
    forger.name = PUBLIC_EXPIRED_MIDDLE.name
    verdict = judge().judge((public_leaf(forger), PUBLIC_EXPIRED_MIDDLE.der), NAME)
    assert (verdict.chain_class, verdict.root) == (ChainClass.BROKEN, ChainRoot.NONE)


def test_an_intermediate_that_only_this_host_knows_does_not_make_a_chain_whole(judge):
    verdict = judge("knowing").judge((public_leaf(),), NAME)
    assert (verdict.chain_class, verdict.root) == (ChainClass.PUBLIC, ChainRoot.MOZILLA)
    assert "incomplete as served" in verdict.why
    assert verdict.problem is None  # a client on this host takes it
    assert not verdict.endpoint_proved
    assert not verdict.intercepted


def test_a_served_certificate_that_this_host_trusts_by_itself_is_no_interceptors_root(judge):
    verdict = judge("self").judge((der(OWN_LEAF),), NAME)
    assert (verdict.chain_class, verdict.root) == (ChainClass.PRIVATE_TRUSTED, ChainRoot.LEAF)
    assert not verdict.intercepted


def test_what_a_client_here_would_say_is_kept_apart_from_the_class(judge):
    trusted = judge().judge((INSPECTION.leaf(dns()),), NAME)
    assert trusted.problem is None
    public = judge("self").judge((public_leaf(), PUBLIC_MIDDLE.der), NAME)
    assert public.chain_class is ChainClass.PUBLIC
    assert public.problem is not None
    assert public.problem.startswith("unable to get local issuer certificate")


def test_a_verdict_is_looked_up_and_after_ten_minutes_made_anew(judge, monkeypatch):
    one, chain = judge(), (public_leaf(), PUBLIC_MIDDLE.der)
    first = one.judge(chain, NAME)
    assert one.judge(chain, NAME) is first
    later = time.monotonic() + 601
    monkeypatch.setattr(time, "monotonic", lambda: later)
    again = one.judge(chain, NAME)
    assert again == first
    assert again is not first


def test_an_interceptor_whose_leaves_have_the_key_of_its_ca_is_one_all_the_same(judge):
    """As squid makes them."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    builder = INSPECTION.builder(subject, INSPECTION.key, NOW - DAY, NOW + DAY, INSPECTION)
    san = x509.SubjectAlternativeName([dns()])
    leaf = builder.add_extension(san, critical=False).sign(INSPECTION.key, hashes.SHA256())
    verdict = judge().judge((der(leaf), INSPECTION.der), NAME)
    assert (verdict.chain_class, verdict.root) == (ChainClass.PRIVATE_TRUSTED, ChainRoot.HOST)
    assert verdict.intercepted
