"""Stand-ins for names and addresses: the same one for the same text, numbered as they are met.

What a stand-in stands for is known to this object alone; a bundle never holds it.
"""

import ipaddress
import re

_ADDRESS = re.compile(
    r"(?<![\w.])(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3})(?![\w.]*\w)"
    r"|(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?:%[\w.-]+)?(?![\w:])"
)
_HOST = re.compile(
    r"(?<![\w.-])(?:[A-Za-z0-9_*-]{1,63}\.){1,10}[A-Za-z][A-Za-z0-9-]{1,62}(?![\w-])"
)
_NAME_PART = re.compile(r"\b((?:CN|O|OU|L|ST|C|DC|emailAddress)=)([^,;)\"]+)")
"""Part of a distinguished name (RFC 4514)."""
_OURS = re.compile(r"(?:[\w-]+\.)+(?:invalid|jsonl|hlog|json|pem|toml|csv)")
GENERIC = frozenset({
    "direct", "vpn", "proxy", "default", "lan", "wifi", "ethernet", "mobile", "middlebox",
    "heartbeat", "silent", "often", "seldom", "idle", "quickstart", "own-endpoint",
    "behind-proxy", "vpn-vs-direct", "overnight-soak", "citrix-cloud", "citrix-government", "lo",
    "(others)",
})  # fmt: skip
"""Names that say nothing of anybody: they stay, for readers need them."""


class Pseudonyms:
    """All stand-ins of one bundle."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}
        """The key: each text with its stand-in."""
        self._numbers: dict[str, int] = {}
        self._known: re.Pattern[str] | None = None
        self._names: list[str] = []

    def name(self, kind: str, text: str) -> str:
        """The stand-in of a name, as it may stand in a scenario: `endpoint-1`."""
        if not text or text in GENERIC:
            return text
        return self._stand_in(kind, text, f"{kind}-{{}}")

    def host(self, text: str) -> str:
        """The stand-in of a host name."""
        return self._stand_in("host", text.lower(), "host-{}.invalid") if text else text

    def address(self, text: str) -> str:
        """The stand-in of an IP address; loopback and the unspecified stay."""
        if text.startswith("127.") or text in {"::", "::1", "0.0.0.0"}:  # noqa: S104 - not bound
            return text
        return self._stand_in("address", text, "address-{}")

    def hexadecimal(self, text: str, digits: int) -> str:
        """The stand-in of a hash: a number as long."""
        return self._stand_in("hash", text, f"{{:0{digits}x}}") if text else text

    def learn(self, kind: str, text: str) -> None:
        """From now on this name is found within texts as well."""
        if len(text) > 1 and text not in GENERIC and text not in self._names:
            self.host(text) if kind == "host" else self.name(kind, text)
            self._names.append(text)
            longest_first = sorted(self._names, key=len, reverse=True)
            names = "|".join(map(re.escape, longest_first))
            self._known = re.compile(rf"(?<![A-Za-z0-9])(?:{names})(?![A-Za-z0-9])", re.IGNORECASE)

    def text(self, text: str) -> str:
        """A text with all known names, addresses and host names in it replaced."""
        if self._known is not None:
            text = self._known.sub(lambda found: self._of_known(found[0]), text)
        text = _NAME_PART.sub(lambda found: found[1] + self.name("name", found[2]), text)
        text = _ADDRESS.sub(lambda found: self._address_in_text(found[0]), text)
        return _HOST.sub(lambda found: self._host_in_text(found[0]), text)

    def _of_known(self, text: str) -> str:
        lower = text.lower()
        return self.of.get(text) or next(
            (stand_in for name, stand_in in self.of.items() if name.lower() == lower), "name"
        )

    def _address_in_text(self, text: str) -> str:
        try:
            ipaddress.ip_address(text)
        except ValueError:
            return text  # a time of day has colons as well
        return self.address(text)

    def _host_in_text(self, text: str) -> str:
        return text if _OURS.fullmatch(text) else self.host(text)

    def _stand_in(self, kind: str, text: str, form: str) -> str:
        known = self.of.get(text)
        if known is None:
            number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
            known = self.of[text] = form.format(number)
        return known
