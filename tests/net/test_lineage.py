"""Whose root signatures lead to: every path, however a peer orders what it serves."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from stresser.model.chain import ChainRoot
from stresser.net.lineage import MOST_CHECKS, date_fault, is_signed_by, joinable, lineages, read
from stresser.net.root_stores import Roots
from tests.net.certificates import DAY, NOW, Issuer, der

NAME = x509.DNSName("a.example.net")
PUBLIC, DECLARED, HOST, OTHER = (Issuer(n) for n in ("Public", "Declared", "Host", "Other"))
MIDDLE = Issuer("Middle", DECLARED)
OLD = {"start": NOW - 9 * DAY, "end": NOW - DAY}


def again(issuer, by, start=NOW - DAY, end=NOW + DAY):
    """Another certificate of the same name and key, issued by somebody else."""
    builder = issuer.builder(issuer.name, issuer.key, start, end, by)
    ca = x509.BasicConstraints(ca=True, path_length=None)
    return der(builder.add_extension(ca, critical=True).sign(by.key, hashes.SHA256()))


def owners(**of):
    return {ChainRoot(name): Roots(ders) for name, ders in of.items()}


KNOWN = owners(mozilla=[PUBLIC.der], declared=[DECLARED.der], host=[HOST.der, PUBLIC.der])


def found(chain, known=KNOWN):
    return [(one.owner.value, one.in_date) for one in lineages(chain, known, NOW).found]


LEAF = MIDDLE.leaf(NAME)


@pytest.mark.parametrize(
    ("chain", "paths"),
    [
        ((LEAF, MIDDLE.der), [("declared", True)]),
        ((LEAF, MIDDLE.der, DECLARED.der), [("declared", True)]),
        ((LEAF, OTHER.der, DECLARED.der, MIDDLE.der), [("declared", True)]),
        ((LEAF,), []),
        ((PUBLIC.leaf(NAME),), [("mozilla", True), ("host", True)]),
        ((OTHER.leaf(NAME), OTHER.der), [("other", True)]),
        ((OTHER.leaf(NAME),), []),
        ((OTHER.der,), [("leaf", True)]),
        ((DECLARED.leaf(NAME, **OLD),), [("declared", False)]),
        ((LEAF, again(MIDDLE, OTHER), OTHER.der), [("other", True)]),
        ((LEAF, again(MIDDLE, OTHER), OTHER.der, MIDDLE.der),
         [("other", True), ("declared", True)]),
        ((LEAF, again(MIDDLE, PUBLIC, **OLD)), [("mozilla", False), ("host", False)]),
        ((LEAF, again(MIDDLE, Issuer("Declared"))), []),
        ((b"junk",), []),
        ((), []),
    ],
    ids=[
        "plain", "with its root", "in disorder", "middle missing", "a root of two owners",
        "unknown", "root missing", "lone leaf", "expired", "another issuer", "both issuers",
        "an old cross-signature", "a forged one", "junk", "nothing",
    ],
)  # fmt: skip
def test_paths(chain, paths):
    assert sorted(found(chain)) == sorted(paths)


def test_a_declared_certificate_that_is_no_root_ends_a_path_too():
    known = owners(declared=[MIDDLE.der], mozilla=[])
    assert found((LEAF, DECLARED.der), known) == [("declared", True), ("other", True)]


def test_what_was_not_served_is_borrowed():
    known = owners(mozilla=[DECLARED.der], host=[MIDDLE.der])
    (borrowed,) = lineages((LEAF,), known, NOW).found
    assert borrowed.is_borrowed
    (served,) = lineages((LEAF, MIDDLE.der), known, NOW).found
    assert not served.is_borrowed


def test_a_circle_is_left():
    one = Issuer("One")
    two = Issuer("Two", one)
    chain = (one.leaf(NAME), again(one, two), two.der)
    assert lineages(chain, KNOWN, NOW) == ([], True)


def test_what_a_peer_makes_us_check_is_bounded():
    many = tuple(Issuer("Same").der for _ in range(40))
    answer = lineages((Issuer("Same").leaf(NAME), *many), KNOWN, NOW)
    assert answer == ([], False)
    tower = [Issuer("0")]
    for number in range(MOST_CHECKS + 4):
        tower.append(Issuer(str(number + 1), tower[-1]))
    chain = (tower[-1].leaf(NAME), *(one.der for one in reversed(tower)))
    assert lineages(chain, KNOWN, NOW) == ([], False)


def test_signatures_and_dates():
    below, above = read(LEAF), read(MIDDLE.der)
    assert below is not None
    assert above is not None
    assert is_signed_by(below, above) is True
    assert is_signed_by(below, Issuer("Middle").certificate) is False
    assert is_signed_by(below, OTHER.certificate) is None
    assert date_fault(LEAF, NOW) is None
    assert date_fault(LEAF, NOW + 2 * DAY) == "expired"
    assert date_fault(LEAF, NOW - 2 * DAY) == "not yet valid"
    assert date_fault(b"junk", NOW) is None


def test_only_what_a_path_may_come_to_is_put_to_a_handshake():
    noise = tuple(Issuer(f"Noise {n}").der for n in range(8))
    chain = (LEAF, *noise, MIDDLE.der, MIDDLE.der, DECLARED.der, b"junk")
    assert joinable(chain) == (LEAF, MIDDLE.der, DECLARED.der, b"junk")
    short = (LEAF, OTHER.der, OTHER.der)
    assert joinable(short) == short
