"""What a certificate chain says about who ends TLS: the closed lists that verdicts are made of.

And what a handshake that showed the chain agreed on.
"""

from enum import StrEnum

from msgspec import Struct


class ChainRoot(StrEnum):
    """Whose root a chain leads to; its dates and names are another question."""

    MOZILLA = "mozilla"
    """One of Mozilla's roots (certifi)."""
    FORMER = "former"
    """A root that Mozilla once carried, and that this host still trusts."""
    DECLARED = "declared"
    """The endpoint's own `ca`."""
    HOST = "host"
    """A root that this host trusts and that is none of the above: somebody installed it."""
    OTHER = "other"
    """A root that was served with the chain and that is unknown here."""
    LEAF = "leaf"
    """The leaf is signed by itself."""
    HIDDEN = "hidden"
    """Not to be known: the certificate of an issuer was not served and is not known here."""
    NONE = "none"
    """Signatures lead to no root: one is bad, or a certificate cannot be read."""


UNDECIDED_ROOTS = frozenset({ChainRoot.OTHER, ChainRoot.LEAF, ChainRoot.HIDDEN, ChainRoot.NONE})
"""Who presents such a chain is not to be known from it: the endpoint, or a box on the path."""


class ChainClass(StrEnum):
    """The verdict on one chain for one name."""

    PUBLIC = "public"
    """It verifies by a public root."""
    DECLARED = "declared"
    """It verifies by the endpoint's own `ca`."""
    PRIVATE_TRUSTED = "private_trusted"
    """It verifies by a private root that this host trusts and the endpoint does not declare."""
    PRIVATE_UNTRUSTED = "private_untrusted"
    """It leads to a root that is unknown here, or to none that can be seen."""
    BROKEN = "broken"
    """Our handshake refuses it whoever is trusted: expired, wrong name or purpose, a constraint, a
    weak key, a bad signature, unreadable; or a public CA's intermediate is missing."""


class TlsFacts(Struct, frozen=True, kw_only=True):
    """What one handshake agreed on."""

    version: str
    cipher: str
    alpn: str | None
    chain: str
    """Id of the chain as served; `chain_seen` describes it."""
    verified: bool
    """The chain verifies for this name against the roots that the scenario trusts."""
    problem: str | None = None
    """What is wrong with the chain, when it does not verify."""
    chain_class: ChainClass | None = None
    """The verdict on the chain; None: it was not judged."""
    root: ChainRoot | None = None
    """Whose root the chain leads to, with dates and names left aside."""
    intercepted: bool = False
    """A box on the path ends TLS: the chain is an interceptor's."""

    @property
    def is_proved(self) -> bool:
        """A client here would take the chain for the endpoint's own."""
        return self.verified and not self.intercepted
