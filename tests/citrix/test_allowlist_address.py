"""The address of the vendor's allowlist, as its page documents it."""

import pytest

from stresser.citrix.allowlist_address import allowlist_addresses
from stresser.citrix.known_names import Region

US, EU, AP_S, JP, ALL = Region


def at(base: str, geo: str) -> str:
    return f"https://{base}/connectivity/v2/allowlist?customerId=Acme1&format=json&geo={geo}"


@pytest.mark.parametrize(
    ("regions", "addresses"),
    [
        ([], [at("api.cloud.com", "all")]),
        ([ALL, EU], [at("api.cloud.com", "all")]),
        ([EU], [at("api.cloud.com", "eu")]),
        ([AP_S], [at("api.cloud.com", "ap-s")]),
        ([JP], [at("api.citrixcloud.jp", "jp")]),
        ([US, JP, US], [at("api.citrixcloud.jp", "jp"), at("api.cloud.com", "us")]),
    ],
)
def test_each_region_has_its_address(regions, addresses):
    assert allowlist_addresses("Acme1", regions) == addresses
