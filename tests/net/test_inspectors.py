"""Attribution: what products call their CAs, and what only looks like it."""

import csv
import re
from importlib import resources

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from stresser.net.inspectors import product_of, product_of_names
from tests.net.certificates import Issuer, der

OF_PRODUCTS = [
    ([("cn", "Zscaler Intermediate Root CA (zscalerthree.net) (t) "), ("o", "Zscaler Inc.")],
     "Zscaler ZIA", False),
    ([("cn", "Zscaler Intermediate Root CA (zscloud.net)")], "Zscaler ZIA", False),
    ([("cn", "Zscaler Root CA")], "Zscaler ZIA", False),
    ([("cn", "ca.acme.eu.goskope.com"), ("o", "Acme GmbH")], "Netskope Secure Web Gateway", False),
    ([("cn", "certadmin.caadmin.netskope.com")], "Netskope Secure Web Gateway", False),
    ([("cn", "Acme CA for Netskope")], "Netskope", True),
    ([("cn", "FG100FTK19000001"), ("o", "Fortinet")], "Fortinet FortiGate", False),
    ([("cn", "Fortinet_CA_SSL")], "Fortinet FortiGate", True),
    ([("cn", "Cisco Umbrella Primary SubCA dub-SG"), ("o", "Cisco")], "Cisco Umbrella", False),
    ([("cn", "Forcepoint Cloud CA"), ("o", "Forcepoint LLC")], "Forcepoint Cloud", False),
    ([("cn", "McAfee Web Gateway")], "McAfee (Skyhigh) Web Gateway", False),
    ([("cn", "Sophos SSL CA_C01001ABCDEF")], "Sophos SSL inspection", False),
    ([("cn", "HTTPS"), ("o", "HTTPS Management Certificate for SonicWALL (self-signed)")],
     "SonicWall DPI-SSL", False),
    ([("o", "Blue Coat Systems, Inc."), ("cn", "198.51.100.9")],
     "Symantec (Blue Coat) ProxySG", False),
    ([("cn", "Acme Palo Alto Networks Decryption CA")],
     "Palo Alto Networks PAN-OS (its CA is named by the customer)", True),
    ([("cn", "ESET SSL Filter CA"), ("o", "ESET, spol. s r. o.")], "ESET SSL Filter", False),
    ([("cn", "Kaspersky Anti-Virus Personal Root Certificate"), ("o", "AO Kaspersky Lab")],
     "Kaspersky Internet Security", False),
    ([("cn", "Gateway CA - Cloudflare Managed G1 0123456789abcdef0123456789abcdef")],
     "Cloudflare Gateway", False),
    ([("cn", "mitmproxy"), ("o", "mitmproxy")], "mitmproxy", False),
    ([("cn", "squid3 ssl-bump of Acme")],
     "Squid ssl-bump (its CA is named by the customer)", True),
]  # fmt: skip

REAL_PUBLIC_ISSUERS = [
    [("cn", "R11"), ("o", "Let's Encrypt")],
    [("cn", "E6"), ("o", "Let's Encrypt")],
    [("cn", "DigiCert Global G2 TLS RSA SHA256 2020 CA1"), ("o", "DigiCert Inc")],
    [("cn", "DigiCert TLS RSA SHA256 2020 CA1"), ("o", "DigiCert Inc")],
    [("cn", "Microsoft Azure RSA TLS Issuing CA 04"), ("o", "Microsoft Corporation")],
    [("cn", "Microsoft TLS G2 RSA CA OCSP 02"), ("o", "Microsoft Corporation")],
    [("cn", "Amazon RSA 2048 M02"), ("o", "Amazon")],
    [("cn", "WR2"), ("o", "Google Trust Services")],
    [("cn", "WE1"), ("o", "Google Trust Services")],
    [("cn", "Cloudflare Inc ECC CA-3"), ("o", "Cloudflare, Inc.")],
    [("cn", "GlobalSign Atlas R3 DV TLS CA 2025 Q1"), ("o", "GlobalSign nv-sa")],
    [("cn", "Sectigo RSA Domain Validation Secure Server CA"), ("o", "Sectigo Limited")],
    [("cn", "COMODO RSA Domain Validation Secure Server CA"), ("o", "COMODO CA Limited")],
    [("cn", "Symantec Class 3 Secure Server CA - G4"), ("o", "Symantec Corporation"),
     ("ou", "Symantec Trust Network")],
    [("cn", "McAfee OV SSL CA 2"), ("o", "McAfee, Inc.")],
    [("cn", "Trustwave Organization Validation SHA256 CA"), ("o", "Trustwave Holdings, Inc.")],
    [("cn", "Entrust Certification Authority - L1K"), ("o", "Entrust, Inc.")],
    [("cn", "Go Daddy Secure Certificate Authority - G2"), ("o", "GoDaddy.com, Inc."),
     ("ou", "http://certs.godaddy.com/repository/")],
    [("cn", "HydrantID Server CA O1"), ("o", "IdenTrust"), ("ou", "HydrantID Trusted Certificate")],
    [("cn", "Apple Public Server RSA CA 1 - G1"), ("o", "Apple Inc.")],
]  # fmt: skip

LOOK_ALIKES = [
    [("cn", "Cisco Root CA 2048"), ("o", "Cisco Systems")],
    [("cn", "Cisco Manufacturing CA SHA2"), ("o", "Cisco")],
    [("cn", "Umbrella Corporation Issuing CA"), ("o", "Umbrella Corporation")],
    [("cn", "City of Palo Alto Issuing CA"), ("o", "City of Palo Alto")],
    [("cn", "Panorama Software CA"), ("o", "Panorama Software AG")],
    [("cn", "Checkpoint Systems Issuing CA"), ("o", "Checkpoint Systems, Inc.")],
    [("cn", "Menlo College CA"), ("o", "Menlo College")],
    [("cn", "The Blue Coat School CA"), ("o", "Blue Coat School Foundation")],
    [("cn", "MCAS Miramar Issuing CA"), ("o", "U.S. Government"), ("ou", "MCAS")],
    [("cn", "Lightspeed Commerce CA"), ("o", "Lightspeed Commerce Inc.")],
    [("cn", "Banca Fortica CA"), ("o", "Fortica Bank")],
    [("cn", "Fortis Bank Nederland CA"), ("o", "Fortis")],
    [("cn", "Resetting CA"), ("o", "Preset AG")],
    [("cn", "Barracuda Divers CA"), ("o", "Barracuda Divers Ltd")],
    [("cn", "Zscalera Root"), ("o", "Zscalera")],
    [("cn", "Squidward Holding Root CA"), ("o", "Squidward Holding")],
    [("cn", "Corp Firewall Admins CA"), ("o", "Corp"), ("ou", "Proxy and Firewall Team")],
    [("cn", "Watchguards of Norwich CA"), ("o", "Watchguards of Norwich")],
    [("cn", "Charles Proxley CA"), ("o", "Charles Proxley & Sons")],
    [("cn", "Contoso Issuing CA 1"), ("o", "Contoso"), ("ou", "IT Security Gateway Services")],
]  # fmt: skip


def test_there_are_as_many_cases_as_were_asked_for():
    assert len(OF_PRODUCTS) == 20
    assert len(REAL_PUBLIC_ISSUERS) + len(LOOK_ALIKES) == 40


@pytest.mark.parametrize(
    ("names", "name", "is_weak"), OF_PRODUCTS, ids=lambda value: str(value)[:40]
)
def test_what_products_call_their_cas(names, name, is_weak):
    product = product_of_names(names)
    assert product is not None
    assert (product.name, product.is_weak) == (name, is_weak)


@pytest.mark.parametrize("names", REAL_PUBLIC_ISSUERS + LOOK_ALIKES, ids=lambda names: names[0][1])
def test_a_real_issuer_or_a_look_alike_is_nobodys_product(names):
    assert product_of_names(names) is None


def rows():
    text = resources.files("stresser.net").joinpath("inspectors.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["pattern"])
def test_each_pattern_has_a_source_and_bounds(row):
    assert set(row) == {"vendor", "product", "field", "pattern", "weak", "source"}
    assert row["vendor"]
    assert row["source"]
    assert row["weak"] in {"", "weak"}
    assert row["field"] in {"cn", "o", "ou", "any"}
    re.compile(row["pattern"])
    # A pattern that may begin within a word finds Reset in ESET.
    outside = re.sub(r"\((?:[^()]|\([^()]*\))*\)", "(", row["pattern"])
    for alternative in outside.split("|"):
        assert alternative.startswith(("\\b", "^", "(")), alternative


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, text)])


def test_the_leafs_subject_says_nothing_and_the_chain_does():
    corp = Issuer("Corp Issuing CA")
    leaf = corp.leaf(x509.DNSName("a.test"), subject=named("Zscaler Inc."))
    assert product_of((leaf, corp.der)) is None
    above = Issuer("Zscaler Root CA", organisation="Zscaler Inc.")
    middle = Issuer("Acme Issuing CA", above)
    product = product_of((middle.leaf(x509.DNSName("a.test")), middle.der))
    assert product is not None
    assert product.name == "Zscaler ZIA"


def test_a_leaf_that_signed_itself_names_no_issuer():
    assert product_of((Issuer("mitmproxy").der,)) is None


def test_a_strong_name_anywhere_wins_over_a_weak_one():
    product = product_of_names([("cn", "Acme CA for Netskope"), ("cn", "mitmproxy")])
    assert product is not None
    assert product.name == "mitmproxy"


@pytest.mark.parametrize("chain", [(), (b"junk",), (b"", b"\x30\x00")])
def test_what_cannot_be_read_is_nobodys_product(chain):
    assert product_of(chain) is None


def test_unreadable_certificates_hide_no_readable_ones():
    issuer = Issuer("mitmproxy")
    assert product_of((b"junk", der(issuer.certificate))) is not None
