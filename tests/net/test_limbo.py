"""x509-limbo's cases: the judge beside a real handshake, and every reason beside the certificates.

The handshake is an independent one, by Python's ssl with nothing of ours in it; it needs the leaf's
key, which 179 of the 198 cases have.
"""

import base64
import json
import lzma
import re
import ssl
import warnings
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from stresser.model.chain import ChainClass, ChainRoot
from stresser.net.trust import ChainJudge
from tests.net.certificates import NOW, Issuer
from tests.net.plain_handshake import shakes_hands

pytestmark = pytest.mark.slow

CASES = {
    case["id"]: case
    for case in json.loads(
        lzma.decompress(Path(__file__).with_name("limbo").joinpath("cases.json.xz").read_bytes())
    )
}
RAW = re.compile(r"ParseError|asn1|<class|Error\(|\bException\b|kind:|_ssl\.c|\{|0x[0-9a-f]+")
"""What texts of Python's and Rust's exceptions look like."""
PRETENDER = Issuer("Only Public Root")
UNSERVABLE = {
    "invalid::invalid-issuer-key",
    "rfc5280::san::malformed",
    "rfc5280::duplicate-extensions",
    "webpki::forbidden-p192-leaf",
    "webpki::forbidden-dsa-leaf",
}
"""OpenSSL does not serve them, or no client of today shares a cipher with them."""


@pytest.fixture(scope="module")
def pretended(tmp_path_factory):
    """A host that trusts one root, which is Mozilla's: what a case declares is all it has."""
    folder = tmp_path_factory.mktemp("limbo")
    (folder / "none").mkdir()
    (folder / "public.pem").write_bytes(PRETENDER.pem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(folder / "public.pem"))
        patch.setenv("SSL_CERT_DIR", str(folder / "none"))
        yield folder


def chain_of(case):
    return tuple(map(base64.b64decode, case["chain"]))


def roots_of(case):
    return tuple(map(base64.b64decode, case["roots"]))


def judged(case, folder):
    pem = folder / "roots.pem"
    pem.write_text("".join(map(ssl.DER_cert_to_PEM_cert, roots_of(case))))
    judge = ChainJudge((str(pem),), mozilla_file=str(folder / "public.pem"))
    return judge.judge(chain_of(case), case["name"])


def is_taken(case, folder):
    """Whether Python's own client takes the chain; None: no server could be made of it."""
    pem = folder / "server.pem"
    pem.write_text("".join(map(ssl.DER_cert_to_PEM_cert, chain_of(case))) + case["key"])
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.load_verify_locations(
        cadata="".join(map(ssl.DER_cert_to_PEM_cert, [PRETENDER.der, *roots_of(case)]))
    )
    return shakes_hands(pem, asking, case["name"])


@pytest.mark.parametrize("case", [c for c in CASES.values() if c["key"]], ids=lambda c: c["id"])
def test_the_judge_takes_what_a_handshake_takes(case, pretended):
    accepted = is_taken(case, pretended)
    assert (accepted is None) == (case["id"] in UNSERVABLE)
    verdict = judged(case, pretended)
    assert (verdict.problem is None) == bool(accepted), verdict.problem
    assert verdict.endpoint_proved == bool(accepted)
    is_good = verdict.chain_class in {ChainClass.PUBLIC, ChainClass.DECLARED}
    assert is_good == bool(accepted)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_reason_is_true(case, pretended):
    verdict = judged(case, pretended)
    texts = f"{verdict.problem} {verdict.why}"
    assert not RAW.search(texts)
    if verdict.root is ChainRoot.DECLARED:
        assert leads_up(chain_of(case), roots_of(case)), verdict.why
    if verdict.intercepted:
        assert not leads_up(chain_of(case), roots_of(case)), verdict.why
    if "was not served" in texts:
        assert not signers(verdict.missing_issuer, chain_of(case), roots_of(case)), verdict.why
    if "has expired" in texts:
        assert any(is_over(der) for der in (*chain_of(case), *roots_of(case)))
    if verdict.problem is not None and verdict.root is ChainRoot.DECLARED:
        assert verdict.chain_class is ChainClass.BROKEN
        assert verdict.why.endswith("; its root is the endpoint's own ca")


def read(der):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some serial numbers are meant to be odd
        try:
            one = x509.load_der_x509_certificate(der)
        except ValueError:
            return None
    return one


def signed(below, above):
    try:
        below.verify_directly_issued_by(above)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def leads_up(chain, roots):
    """Whether a declared certificate stands above the leaf by good signatures alone."""
    known = [one for one in map(read, (*chain, *roots)) if one is not None]
    reached = [read(chain[0])]
    for one in reached:
        reached += [above for above in known if above not in reached and signed(one, above)]
    return any(read(root) in reached for root in roots)


def signers(name, chain, roots):
    """The certificates at hand that bear a name, and have signed one that was served."""
    at_hand = [one for one in map(read, (*chain, *roots)) if one is not None]
    named = [one for one in at_hand if one.subject.rfc4514_string().startswith(name or "?")]
    return [one for one in named if any(signed(other, one) for other in at_hand if other != one)]


def is_over(der):
    one = read(der)
    return one is not None and one.not_valid_after_utc < NOW


def test_no_case_is_left_out():
    assert len(CASES) == 198
    assert sum(case["key"] is not None for case in CASES.values()) == 179
