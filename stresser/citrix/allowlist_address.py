"""Where the vendor's allowlist is fetched from: an address to print. Nothing here fetches.

Source: developer-docs.citrix.com, "Citrix Connectivity AllowList APIs", Overview: base URLs, and
the parameters `customerId`, `format` and `geo`. The page has a fourth, `direction`, whose words
are not used here: without it the list holds both directions.
"""

from collections.abc import Sequence

from stresser.citrix.known_names import Region

_PATH = "/connectivity/v2/allowlist"
_GLOBAL, _JAPAN = "https://api.cloud.com", "https://api.citrixcloud.jp"


def allowlist_addresses(customer: str, regions: Sequence[Region]) -> list[str]:
    """One address for each region; without regions, one for all.

    Args:
        customer: checked by `check_customer`.
        regions: as the command line names them; `ALL` among them is all.
    """
    wanted = [Region.ALL] if not regions or Region.ALL in regions else sorted(set(regions))
    return [
        f"{_JAPAN if region is Region.JP else _GLOBAL}{_PATH}"
        f"?customerId={customer}&format=json&geo={region}"
        for region in wanted
    ]
