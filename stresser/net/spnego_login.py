"""NTLM and Kerberos with a proxy, by pyspnego; sole owner of it and of what it stands on.

Its calls read files and ask KDCs: they run in a thread, one at a time, so that the loop goes on and
a thousand sessions that come back at once make one request of a KDC. What a KDC refused it is not
asked again for a while, and no password that it does not take is sent twice. The libraries are
loaded where a proxy first asks for them.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from stresser.model.proxy_login import LoginFailed, LoginTrouble, ProxyAuth
from stresser.net.challenges import Challenge
from stresser.scenario.proxy_url import Proxy

_SERVICE = "HTTP"
_NOT_AGAIN_S = 5.0
_PATIENCE_S = 4.0
"""With a KDC that says nothing: less than `check` has for the proxy, whose silence it is not."""
_TROUBLES = {
    # Minor codes of MIT Kerberos (krb5.h, "KRB5KDC_ERR_..."), as Heimdal has them, too.
    -1765328378: LoginTrouble.PASSWORD_WRONG,  # client not found in the database
    -1765328377: LoginTrouble.SERVICE_UNKNOWN,  # server not found in the database
    -1765328366: LoginTrouble.PASSWORD_WRONG,  # credentials have been revoked
    -1765328361: LoginTrouble.PASSWORD_WRONG,  # the password has expired
    -1765328360: LoginTrouble.PASSWORD_WRONG,  # pre-authentication failed
    -1765328353: LoginTrouble.PASSWORD_WRONG,  # decrypt integrity check failed
    -1765328352: LoginTrouble.TICKET_EXPIRED,
    -1765328347: LoginTrouble.CLOCK_SKEW,
    -1765328236: LoginTrouble.CLOCK_SKEW,  # in what the KDC answered
    -1765328243: LoginTrouble.NO_TICKET,  # matching credential not found
    -1765328230: LoginTrouble.NO_KDC,  # cannot find KDC for the realm
    -1765328228: LoginTrouble.NO_KDC,  # cannot contact any KDC
    -1765328189: LoginTrouble.NO_TICKET,  # no credentials cache found
    -1765328160: LoginTrouble.NO_TICKET,  # cannot determine the realm of the host
}
_CREDENTIALS_EXPIRED, _NO_CREDENTIALS, _BAD_CREDENTIALS = 11, 7, 10
_MAJOR = {
    _NO_CREDENTIALS: LoginTrouble.NO_TICKET,
    _BAD_CREDENTIALS: LoginTrouble.NO_TICKET,
    _CREDENTIALS_EXPIRED: LoginTrouble.TICKET_EXPIRED,
}
_CURABLE = frozenset({LoginTrouble.NO_TICKET, LoginTrouble.TICKET_EXPIRED})
_FOR_GOOD = frozenset({LoginTrouble.PASSWORD_WRONG, LoginTrouble.NO_LIBRARY})
"""To ask again could lock the user out, or would find the same."""


class Tickets:
    """How tickets for one proxy are come by; one for all connections through an egress."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._turn: trio.CapacityLimiter | None = None
        self._failed: LoginFailed | None = None
        """The last failure with tickets, while it is not tried again."""
        self._until_s: float | None = None
        self._kept: Any = None
        self._cache: str | None = None

    async def token(self, login: "SpnegoLogin", received: bytes | None) -> bytes:
        """The next token of a login. Raises LoginFailed."""
        self._forget_old()
        if self._turn is None:
            self._turn = trio.CapacityLimiter(1)
        # Cancelled, it leaves the thread alone, which keeps its turn to its end.
        with trio.move_on_after(_PATIENCE_S):
            return await trio.to_thread.run_sync(
                self._step, login, received, abandon_on_cancel=True, limiter=self._turn
            )
        trouble = LoginTrouble.NO_KDC if login.service else LoginTrouble.FAILED
        said = f"no answer within {_PATIENCE_S:g} s"
        raise LoginFailed(trouble, service=login.service, said=said)

    def _forget_old(self) -> None:
        if self._failed is None or self._failed.trouble in _FOR_GOOD:
            return
        if self._until_s is None:
            self._until_s = trio.current_time() + _NOT_AGAIN_S
        elif trio.current_time() >= self._until_s:
            self._failed = self._until_s = None

    def _step(self, login: "SpnegoLogin", received: bytes | None) -> bytes:
        """In a thread."""
        if login.scheme is ProxyAuth.NTLM:
            return login.step(received, None)
        if self._failed is not None:  # just before, or while this one waited
            old = self._failed
            raise LoginFailed(old.trouble, service=old.service, said=old.said)
        try:
            return self._with_ticket(login, received)
        except LoginFailed as failed:
            if failed.trouble not in _CURABLE:  # a file says so, and may say otherwise at any time
                self._failed = failed
            raise

    def _with_ticket(self, login: "SpnegoLogin", received: bytes | None) -> bytes:
        try:
            return login.step(received, self._cache)
        except LoginFailed as failed:
            if failed.trouble not in _CURABLE or self._proxy.password is None:
                raise
            self._log_in(login.service)
            return login.step(received, self._cache)

    def _log_in(self, service: str | None) -> None:
        """Get a ticket by user and password, as kinit does; it is kept in memory alone."""
        krb5, proxy = import_module("krb5"), self._proxy
        assert proxy.user is not None  # noqa: S101 - the two go together
        assert proxy.password is not None  # noqa: S101 - likewise
        try:
            context = krb5.init_context()
            principal = krb5.parse_name_flags(context, proxy.user.reveal().encode())
            options = krb5.get_init_creds_opt_alloc(context)
            word = proxy.password.reveal().encode()
            ticket = krb5.get_init_creds_password(context, principal, options, password=word)
            cache = krb5.cc_new_unique(context, b"MEMORY")
            krb5.cc_initialize(context, cache, ticket.client)
            krb5.cc_store_cred(context, cache, ticket)
        except krb5.Krb5Error as error:
            raise _failure(error, service) from None
        self._kept, self._cache = (context, cache), f"MEMORY:{cache.name.decode()}"


class SpnegoLogin:
    """One login by Negotiate or NTLM, bound to the proxy's `certificate` where there is one."""

    def __init__(
        self, scheme: ProxyAuth, proxy: Proxy, tickets: Tickets, certificate: bytes | None
    ) -> None:
        self.scheme = scheme
        self._proxy = proxy
        self._tickets = tickets
        self._certificate = certificate
        self._context: Any = None
        is_ntlm = scheme is ProxyAuth.NTLM
        if is_ntlm and (proxy.user is None or proxy.password is None):
            raise LoginFailed(LoginTrouble.NO_LOGIN)
        self.is_bound = is_ntlm
        """What was said so far counts on its connection alone."""

    async def first(self) -> str:
        """The value of Proxy-Authorization to begin with. Raises LoginFailed."""
        return self._field(await self._tickets.token(self, None))

    async def go_on(self, asked: Sequence[Challenge]) -> str | None:
        """The next value; None: the proxy has refused. Raises LoginFailed."""
        token = next((one.token for one in asked if one.token), "")
        if not token or self._context is None or self._context.complete:
            return None
        try:
            received = b64decode(token, validate=True)
        except ValueError:
            raise LoginFailed(LoginTrouble.FAILED, said="the proxy's token is no base64") from None
        return self._field(await self._tickets.token(self, received))

    def _field(self, token: bytes) -> str:
        name = "NTLM" if self.scheme is ProxyAuth.NTLM else "Negotiate"
        return f"{name} {b64encode(token).decode('ascii')}"

    def step(self, received: bytes | None, cache: str | None) -> bytes:
        """The next token; blocks. Raises LoginFailed."""
        spnego = import_module("spnego")
        exceptions = import_module("spnego.exceptions")
        try:
            if received is None or self._context is None:
                self._context = self._client(spnego, cache)
            token: bytes | None = self._context.step(received)
        except ImportError:
            raise LoginFailed(LoginTrouble.NO_LIBRARY, service=self.service) from None
        except exceptions.SpnegoError as error:
            raise _failure(error, self.service) from None
        except Exception as error:
            if received is None:
                raise
            # It parses what the proxy sent, and says so by any exception.
            raise LoginFailed(LoginTrouble.FAILED, said=repr(error)) from None
        token = token or b""
        return token if self.scheme is ProxyAuth.NTLM or received else in_spnego(token)

    def _client(self, spnego: Any, cache: str | None) -> Any:
        bindings = None
        if self._certificate is not None:
            kind = import_module("spnego.channel_bindings").GssChannelBindings
            bindings = kind(application_data=server_end_point(self._certificate))
        user: Any = None if cache is None else spnego.KerberosCCache(cache)
        password = None
        if self.scheme is ProxyAuth.NTLM and self._proxy.user and self._proxy.password:
            user, password = self._proxy.user.reveal(), self._proxy.password.reveal()
        return spnego.client(
            username=user,
            password=password,
            hostname=self._proxy.host,
            service=_SERVICE,
            channel_bindings=bindings,
            protocol="ntlm" if self.scheme is ProxyAuth.NTLM else "kerberos",
        )

    @property
    def service(self) -> str | None:
        """Of Kerberos, what a ticket is for."""
        is_ntlm = self.scheme is ProxyAuth.NTLM
        return None if is_ntlm else f"{_SERVICE}/{self._proxy.host}"


def _failure(error: Exception, service: str | None) -> LoginFailed:
    """What a library's error means, by its numbers."""
    native: Any = getattr(error, "base_error", None) or error
    minor: int = getattr(native, "min_code", 0) or getattr(native, "err_code", 0)
    signed = minor - (1 << 32) if minor >= 1 << 31 else minor
    major = (getattr(native, "maj_code", 0) >> 16) & 0xFF
    trouble = _TROUBLES.get(signed) or _MAJOR.get(major) or LoginTrouble.FAILED
    # "Major (...): ... Minor (...): No Kerberos credentials available": the last part says it.
    return LoginFailed(trouble, service=service, said=str(native).rpartition("): ")[2])


def server_end_point(der: bytes) -> bytes:
    """The channel binding `tls-server-end-point` (RFC 5929 section 4) of a certificate."""
    kind = x509.load_der_x509_certificate(der).signature_hash_algorithm
    is_weak = kind is None or isinstance(kind, hashes.MD5 | hashes.SHA1)
    digest = hashes.Hash(hashes.SHA256() if is_weak or kind is None else kind)
    digest.update(der)
    return b"tls-server-end-point:" + digest.finalize()


_SPNEGO = bytes.fromhex("06062b0601050502")
_KERBEROS = bytes.fromhex("06092a864886f712010202")


def in_spnego(token: bytes) -> bytes:
    """A Kerberos token as RFC 4559 wants it: in a NegTokenInit (RFC 4178 section 4.2.1) of its own.

    Kerberos is the one mechanism that it names: no other can be chosen behind the plan's back.
    """
    mechanisms = _tagged(0xA0, _tagged(0x30, _KERBEROS))
    inner = _tagged(0x30, mechanisms + _tagged(0xA2, _tagged(0x04, token)))
    return _tagged(0x60, _SPNEGO + _tagged(0xA0, inner))


def _tagged(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:  # noqa: PLR2004 - X.690 section 8.1.3: shorter ones have no length of length
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
