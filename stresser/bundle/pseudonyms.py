"""Stand-ins for names and addresses: the same one for the same text, numbered as they are met.

What a stand-in stands for is known to this object alone; a bundle never holds it.
"""

import re
from collections.abc import Iterable

from stresser.classify.idle_answers import Beside
from stresser.scenario.endpoint import ip_or_none
from stresser.scenario.pac_answer import DIRECT
from stresser.scenario.proxy_url import FROM_ENVIRONMENT, PAC

REDACTED = "(redacted)"
_MOST_STAND_INS = 100_000
"""Peers may say something new each time: beyond this, what they said is `REDACTED`."""
_MOST_IN_TEXTS = 2_000
_SHORT = 2
_IN_TEXT = (
    r"(?P<url>\b[A-Za-z][A-Za-z0-9+]{0,15}://[^\s'\"]+)",
    r"(?P<quoted>'[^']+'|\"[^\"]+\")",
    # A distinguished name in a sentence of ours ends where the sentence goes on (net/chain_words).
    (
        r"(?P<dn>\b(?:CN|OU?|L|ST|C|DC|emailAddress|[0-9]+(?:\.[0-9]+)+)=.*?"
        r"(?=;? (?:is known neither|is trusted by|was not served|has that name)|$))"
    ),
    (
        r"(?P<address>(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w.]*\w)"
        r"|(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]{0,15}(?:%[\w.-]+)?(?![\w:]))"
    ),
    r"(?P<host>(?<![\w.-])(?:[A-Za-z0-9_*-]{1,63}\.){1,10}[A-Za-z][A-Za-z0-9-]{1,62}(?![\w-]))",
)
_OURS = re.compile(r"(?:[\w-]+\.)+(?:invalid|jsonl|hlog|json|pem|toml|csv|conf|py)")
_LOOPBACK = frozenset({"localhost", "::", "::1", "0.0.0.0"})  # noqa: S104 - not bound
GENERIC = frozenset({
    "direct", "vpn", "proxy", "default", "lan", "wifi", "ethernet", "mobile", "middlebox",
    "heartbeat", "silent", "keepalive", "idle_search", "often", "seldom", "idle", "quickstart",
    "own-endpoint", "behind-proxy", "vpn-vs-direct", "overnight-soak", "citrix-cloud",
    "citrix-government", "lo", "(others)", "h2", "http/1.1", "none",
})  # fmt: skip
"""Names that say nothing of anybody: they stay, for readers need them."""


class Pseudonyms:
    """All stand-ins of one bundle. Each kind of name has its own: an egress is no endpoint."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}
        """The key: each text with its stand-in; `text (kind)` where one text names several."""
        self._stand_ins: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, int] = {}
        self._widths: dict[str, int] = {}
        self._in_texts: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    def name(self, kind: str, text: str) -> str:
        """The stand-in of a name, as it may stand in a scenario: `endpoint-1`."""
        if not text or text in GENERIC:
            return text
        search, _, what = text.rpartition("-")
        if kind == "activity" and search and what in frozenset(Beside):
            return f"{self.name(kind, search)}-{what}"  # they go by the name of their search
        return self._stand_in(kind, text, f"{kind}-{{}}")

    def host(self, text: str) -> str:
        """The stand-in of a host name or address. Hosts of one domain stay hosts of one domain."""
        plain = text.lower().rstrip(".")
        if not plain or plain in _LOOPBACK:
            return text
        if ip_or_none(plain):
            return self.address(text)
        labels = plain.split(".")
        if len(labels) == 1 or labels[-1].isdigit():
            return self._stand_in("host", plain, "host-{}")
        domain = self._stand_in("domain", ".".join(labels[-2:]), "domain-{}")
        return self._stand_in("host", plain, f"host-{{}}.{domain}.invalid")

    def address(self, text: str) -> str:
        """The stand-in of an IP address; loopback and the unspecified stay."""
        if not text or text in _LOOPBACK or (text.startswith("127.") and ip_or_none(text)):
            return text
        return self._stand_in("address", text, "address-{}")

    def place(self, text: str) -> str:
        """The same of `address:port` or `name:port`; IPv6 stands in brackets."""
        head, colon, port = text.rpartition(":")
        if not colon or not port.isdigit() or ip_or_none(text):
            return self.host(text.strip("[]"))
        is_bracketed = head.startswith("[")
        host = self.host(head.strip("[]"))
        return f"[{host}]:{port}" if is_bracketed else f"{host}:{port}"

    def url(self, text: str) -> str:
        """Scheme, host and port of a URL, the host replaced; nothing else of it is kept."""
        scheme, found, rest = text.partition("://")
        if not found or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+]{0,15}", scheme):
            if text.startswith(PAC):
                return PAC + self.name("text", text.removeprefix(PAC))
            return text if text in {FROM_ENVIRONMENT, DIRECT} else self.name("text", text)
        authority = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
        if scheme.startswith("lab+"):  # the lab's behaviours are words of ours
            number = re.match(r"[a-z_-]*/([0-9]+)$", rest)
            return f"{scheme}://{authority}" + (f"/{number[1]}" if number else "")
        return f"{scheme}://{self.place(authority).replace('[', '').replace(']', '')}"

    def hexadecimal(self, text: str, digits: int) -> str:
        """The stand-in of a hash: a number as long."""
        return self._stand_in("hash", text, f"{{:0{digits}x}}") if text else text

    def learn(self, kind: str, names: Iterable[str]) -> None:
        """From now on these names are found within texts as well.

        Numbered in the order of the alphabet: what is sorted by name stays in its order.
        """
        new = sorted({name for name in names if name and name not in GENERIC})
        self._widths.setdefault(kind, len(str(len(new))))
        for name in new:
            stand_in = self.host(name) if kind == "host" else self.name(kind, name)
            if name not in self._in_texts and len(self._in_texts) < _MOST_IN_TEXTS:
                self._in_texts[name] = stand_in
                self._pattern = None

    def text(self, text: str) -> str:
        """A sentence of ours with every name, address, host and quotation in it replaced."""
        if self._pattern is None:
            self._pattern = _pattern_of(self._in_texts)
        return self._pattern.sub(self._found, text)

    def _found(self, found: re.Match[str]) -> str:
        what, text = found.lastgroup or "", found[0]
        if what == "url":
            return self.url(text)
        if what == "quoted":
            return f"{text[0]}{self._quoted(text[1:-1])}{text[-1]}"
        if what == "dn":
            return self.name("name", text)
        if what == "address":
            return self.address(text) if ip_or_none(text) else text  # a time of day has colons
        if what == "host":
            return text if _OURS.fullmatch(text) else self.host(text)
        known = self._in_texts.get(text)
        return known or next(
            (s for name, s in self._in_texts.items() if name.lower() == text.lower()), "name"
        )

    def _quoted(self, text: str) -> str:
        if text in self._in_texts:
            return self._in_texts[text]
        return self.host(text) if re.fullmatch(r"[\w*.:-]+", text) else self.name("text", text)

    def _stand_in(self, kind: str, text: str, form: str) -> str:
        known = self._stand_ins.get((kind, text))
        if known is None:
            if len(self._stand_ins) >= _MOST_STAND_INS and kind == "text":
                return REDACTED
            number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
            padded = number if kind == "hash" else f"{number:0{self._widths.get(kind, 1)}}"
            known = self._stand_ins[kind, text] = form.format(padded)
            self.of[text if text not in self.of else f"{text} ({kind})"] = known
        return known


def _pattern_of(names: Iterable[str]) -> re.Pattern[str]:
    """Whole words: no letter, digit, `_` or `-` beside them, and no dot within a longer name."""
    longest_first = sorted(names, key=len, reverse=True)
    long = "|".join(re.escape(name) for name in longest_first if len(name) > _SHORT)
    short = "|".join(re.escape(name) for name in longest_first if len(name) <= _SHORT)
    either = "|".join(part for part in (f"(?i:{long})" if long else "", short) if part)
    known = rf"(?P<known>(?<![\w-])(?<!\w\.)(?:{either})(?![\w-])(?!\.\w))" if either else None
    url, *others = _IN_TEXT
    return re.compile("|".join(filter(None, (url, known, *others))), re.DOTALL)
