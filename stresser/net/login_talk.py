"""The login with an HTTP proxy: which scheme, what is said next, and what is known for next time.

Of what the proxy offers the strongest that the plan allows is tried; where that cannot be done here
(no ticket, no password), the next one. What the proxy has refused is not tried in a weaker way.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Protocol

from stresser.model.proxy_login import (
    LONGEST_SAID,
    LoginFailed,
    LoginTrouble,
    ProxyAuth,
    ProxyLogin,
)
from stresser.model.units import escaped
from stresser.net.challenges import Challenge, offered_by
from stresser.net.digest_login import DigestNonce, is_stale, strongest
from stresser.net.password_care import PasswordCare
from stresser.net.spnego_login import SpnegoLogin, Tickets
from stresser.scenario.proxy_url import Proxy
from stresser.scenario.secrets import Secret

_MOST_RESTARTS = 2


class AnotherConnection(Exception):
    """The proxy takes no more on this connection: on a new one the talk goes on."""


class OneLogin(Protocol):
    """One login by one scheme."""

    scheme: ProxyAuth

    @property
    def is_bound(self) -> bool:
        """What was said so far counts on its connection alone."""

    async def first(self) -> str:
        """The value of Proxy-Authorization to begin with. Raises LoginFailed."""

    async def go_on(self, asked: Sequence[Challenge]) -> str | None:
        """The next value, where the proxy asks again by this scheme; None: it has refused."""


class LoginMemory:
    """What is known of how a proxy lets us in; one for all connections through an egress."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.known: ProxyAuth | None = ProxyAuth.BASIC if proxy.auth == (ProxyAuth.BASIC,) else None
        """What it has let us in by: it goes out unasked from then on."""
        self.nonce: DigestNonce | None = None
        self.care = PasswordCare()
        self._tickets = Tickets(proxy)

    def talk(self, target: str) -> "LoginTalk":
        """Of one attempt, to get a tunnel to `host:port`."""
        return LoginTalk(self, target)

    def credentials(self) -> tuple[Secret, Secret]:
        """User and password. Raises LoginFailed where there are none."""
        if self.proxy.user is None or self.proxy.password is None:
            raise LoginFailed(LoginTrouble.NO_LOGIN)
        return self.proxy.user, self.proxy.password

    def begin(self, scheme: ProxyAuth, target: str, certificate: bytes | None) -> OneLogin:
        """A login by a scheme. Raises LoginFailed where it cannot be done here."""
        if scheme is not ProxyAuth.NEGOTIATE:  # of which a KDC says that a password is wrong
            self.care.look()
        if scheme is ProxyAuth.BASIC:
            return _BasicLogin(*self.credentials())
        if scheme is ProxyAuth.DIGEST:
            return _DigestLogin(self, target)
        return SpnegoLogin(scheme, self.proxy, self._tickets, certificate)


class LoginTalk:
    """What one attempt says of who we are, over one connection or, where need be, several."""

    def __init__(self, memory: LoginMemory, target: str) -> None:
        self._memory = memory
        self._target = target
        self.certificate: Callable[[], bytes | None] = _no_certificate
        """Gives the proxy's own, DER, where the connection with it is in TLS: a login may be bound
        to that."""
        self._login: OneLogin | None = None
        self._field: str | None = None
        self._offered: tuple[str, ...] = ()
        self._restarts = 0

    async def field(self) -> str | None:
        """The value of Proxy-Authorization for the next request; None: it goes without."""
        if self._login is None and self._memory.known is not None and not self._offered:
            try:
                self._login = self._memory.begin(
                    self._memory.known, self._target, self.certificate()
                )
                self._field = await self._login.first()
            except LoginFailed:  # if the proxy asks, it is said why
                self._login = None
        return self._field

    async def hear(self, challenges: Sequence[Challenge]) -> None:
        """Make ready what answers a 407.

        Raises:
            LoginFailed: there is no answer.
        """
        is_first = not self._offered
        # A proxy that refuses one scheme may leave the others out of its answer.
        self._offered = tuple(dict.fromkeys((*self._offered, *offered_by(challenges))))
        current = self._login
        if current is not None:
            asked = [one for one in challenges if one.scheme == current.scheme]
            if asked or not is_first:
                self._field = await current.go_on(asked)
                if self._field is None:
                    raise LoginFailed(LoginTrouble.REFUSED)
                return
        self._login = None
        self._login, self._field = await self._begin(challenges)

    async def _begin(self, challenges: Sequence[Challenge]) -> tuple[OneLogin, str]:
        offered = {one.scheme for one in challenges}
        trouble: LoginFailed | None = None
        for scheme in self._memory.proxy.auth:
            if scheme not in offered:
                continue
            try:
                login = self._memory.begin(scheme, self._target, self.certificate())
                if isinstance(login, _DigestLogin):
                    login.take(challenges)
                return login, await login.first()
            except LoginFailed as failed:
                failed.tried = scheme
                trouble = trouble or failed
        if trouble is not None:
            raise trouble
        if offered.isdisjoint(ProxyAuth):
            raise LoginFailed(LoginTrouble.NOT_SPOKEN)
        has_login = self._memory.proxy.user is not None or offered == {ProxyAuth.NEGOTIATE}
        raise LoginFailed(LoginTrouble.NOT_ALLOWED if has_login else LoginTrouble.NO_LOGIN)

    async def move(self) -> None:
        """The connection is spent: make ready what a new one begins with.

        Raises:
            LoginFailed: the login is bound to its connection, and was begun often enough.
        """
        self._restarts += 1
        if self._restarts > _MOST_RESTARTS:
            raise LoginFailed(LoginTrouble.CUT)
        if self._login is not None and self._login.is_bound:
            self._login = self._memory.begin(self._login.scheme, self._target, self.certificate())
            self._field = await self._login.first()

    def turn(self) -> AbstractAsyncContextManager[None]:
        """To be held from the first request to the last answer over one connection."""
        return nullcontext() if self._memory.proxy.password is None else self._memory.care.turn()

    def opened(self) -> None:
        """The proxy has let us in: so it will the next time."""
        self._memory.care.taken()
        if self._login is not None:
            self._memory.known = self._login.scheme

    def told(self, failed: LoginFailed) -> ProxyLogin:
        """What came of it all, for the ending."""
        if failed.trouble is LoginTrouble.REFUSED and self._login is not None:
            self._memory.care.refused()
        said = None if failed.said is None else escaped(failed.said, LONGEST_SAID)
        return ProxyLogin(
            trouble=failed.trouble,
            offered=self._offered,
            tried=failed.tried if self._login is None else self._login.scheme,
            service=failed.service,
            said=said,
        )


def _no_certificate() -> None:
    return None


class _BasicLogin:
    """RFC 7617."""

    scheme = ProxyAuth.BASIC
    is_bound = False

    def __init__(self, user: Secret, password: Secret) -> None:
        self._user, self._password = user, password

    async def first(self) -> str:
        pair = f"{self._user.reveal()}:{self._password.reveal()}"
        return "Basic " + b64encode(pair.encode()).decode("ascii")

    async def go_on(self, _asked: Sequence[Challenge]) -> None:
        return None


class _DigestLogin:
    """RFC 7616, with the nonce that the memory knows or the proxy has just sent."""

    scheme = ProxyAuth.DIGEST
    is_bound = False

    def __init__(self, memory: LoginMemory, target: str) -> None:
        self._memory = memory
        self._target = target
        self._credentials = memory.credentials()
        self._is_fresh = False

    def take(self, challenges: Sequence[Challenge]) -> None:
        """Raises LoginFailed where none of them can be answered."""
        challenge = strongest(challenges)
        if challenge is None:
            raise LoginFailed(LoginTrouble.NOT_SPOKEN)
        self._memory.nonce = DigestNonce(challenge)
        self._is_fresh = True

    async def first(self) -> str:
        if self._memory.nonce is None:
            raise LoginFailed(LoginTrouble.FAILED)
        return self._memory.nonce.answer(*self._credentials, "CONNECT", self._target)

    async def go_on(self, asked: Sequence[Challenge]) -> str | None:
        if self._is_fresh and not any(is_stale(one) for one in asked):
            return None
        self.take(asked)
        return await self.first()
