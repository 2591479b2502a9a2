"""Who comes in as what: a guest whose hello the token proves, or a stranger; and what is recorded.

Strangers are counted, never recorded one by one: they could fill the disk.
"""

from collections import Counter
from typing import Final

from stresser.model.events import Observer
from stresser.model.far_account import CONTROL_ATTEMPT
from stresser.model.units import NS_PER_S
from stresser.net.fair_share import Turns
from stresser.net.reflector_hello import Hello, proved_hello
from stresser.net.sealed_lines import SealedLines
from stresser.reflector.accounts import Accounts
from stresser.reflector.admission import Admission
from stresser.reflector.replay import ReplayGuard
from stresser.scenario.secrets import Secret
from stresser.witness.clock import RunClock

_BETWEEN_HANDSHAKES_S: Final = 0.002
"""500 a second: each takes half a millisecond to a millisecond of the core."""


class Reception:
    """What all connections of a reflector share."""

    def __init__(
        self,
        token: Secret | None,
        clock: RunClock,
        recorder: Observer,
        admission: Admission | None = None,
    ) -> None:
        """Without a token everyone is a stranger."""
        self.clock = clock
        self.recorder = recorder
        self.admission = Admission() if admission is None else admission
        self._token = token
        self._replays = ReplayGuard()
        self.guests = 0
        """Sessions whose hello the token proved."""
        self.accounts = Accounts()
        self.turns = Turns()
        """Of strangers that send more than their share."""
        self.handshakes = Turns(_BETWEEN_HANDSHAKES_S)
        """Of all that come: a hundred handshakes in one pass of the loop would hold up the rest."""
        self.stopping_ns: int | None = None
        """Since when the reflector itself ends what is still held."""
        self.strangers = 0
        """Connections without a hello that the token proves."""
        self.hellos_refused: Counter[str] = Counter()
        """By reason, in words."""

    def welcome(self, text: str) -> Hello | None:
        """The hello, where the token proves it and it was not heard before."""
        if self._token is None:
            return None
        hello = proved_hello(text, self._token)
        if hello is None:
            self.hellos_refused["the token does not prove it"] += 1
            return None
        now_s = (self.clock.anchor_unix_ns + self.clock.now_ns()) // NS_PER_S
        refusal = self._replays.refusal(hello, now_s)
        if refusal is not None:
            self.hellos_refused[refusal] += 1
            return None
        self.guests += hello.attempt != CONTROL_ATTEMPT
        return hello

    def lines_of(self, hello: Hello) -> SealedLines | None:
        """What a control session is carried by; None where there is no token."""
        return (
            None if self._token is None else SealedLines(self._token, hello.nonce, is_tester=False)
        )

    def turned_away(self) -> dict[str, int]:
        """What was not served as a guest, for the log."""
        return {
            "strangers": self.strangers,
            "refused by a limit": self.admission.refused,
            **{f"hello refused: {why}": number for why, number in self.hellos_refused.items()},
        }
