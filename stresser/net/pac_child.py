"""A process of its own that reads one PAC file and asks it: a script may do anything.

It runs in QuickJS with limits of memory and stack, and can reach nothing but the functions of
`pac_functions.py`, some of which look names up. How long it may take is for the process that
started this one: it ends it. Job and answers are lines of JSON on standard input and output.
"""

import contextlib
import json
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import quickjs

from stresser.net.pac_functions import PacFunctions

if sys.platform != "win32":
    import resource

LONGEST_SCRIPT = 1 << 20
"""Bytes; Chromium's limit as well."""
LONGEST_ANSWER = 4096
_LONGEST_WORDS = 300
_ENGINE_BYTES = 64 << 20
_OUT_OF_MEMORY = {"InternalError: out of memory", "null"}
"""`null`: there was none left to say so."""
_STACK_BYTES = 1 << 20
_PROCESS_BYTES = 1 << 30
_NETWORK_WITHIN_S = 10
_MOST_LOOK_UPS = 256
_USER_AGENT = "stresser (reads this PAC file as a browser would)"


class Refused(Exception):
    """The file or what it says cannot be used; one sentence."""


def obey_job() -> None:
    """One job, to its end."""
    _limit()
    job = json.loads(sys.stdin.readline())
    try:
        for said in _answers(job):
            _say(said)
    except Refused as refused:
        _say({"mistake": str(refused)[:_LONGEST_WORDS]})


def _say(message: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _limit() -> None:
    if sys.platform == "win32":  # the engine's own limit alone
        return
    for what, most in (
        (resource.RLIMIT_AS, _PROCESS_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS has no limit of address space
            resource.setrlimit(what, (most, most))


def _answers(job: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    script = pac_text(read_pac(job["place"]))
    yield {"done": "read"}
    functions = PacFunctions(_look, job["own"], _now)
    context = _loaded(script, functions)
    yield {"done": "loaded"}
    for url, host in job["asks"]:
        yield {"answer": _asked(context, url, host)}


def read_pac(place: str) -> bytes:
    """A PAC file, from a path or an http(s) URL: directly, by no proxy.

    Raises:
        Refused: it cannot be read, or is too long.
    """
    try:
        if place.lower().startswith(("http://", "https://")):
            data = _fetched(place)
        else:
            with Path(place).open("rb") as file:
                data = file.read(LONGEST_SCRIPT + 1)
    except (OSError, ValueError, ImportError) as exc:  # urllib's and ssl's are OSErrors
        raise Refused(f"cannot be read: {_why(exc)}") from None
    if len(data) > LONGEST_SCRIPT:
        raise Refused(f"is longer than {LONGEST_SCRIPT >> 10} KiB")
    return data


def _fetched(url: str) -> bytes:
    opener = urllib.request.OpenerDirector()  # neither proxies nor files nor FTP
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.HTTPHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ]
    if url.lower().startswith("https"):
        tls = import_module("stresser.net.tls")  # seldom, and 0.2 s
        context = tls.context_for(tls.TlsProfile(require=True, alpn=("http/1.1",)))
        handlers.append(urllib.request.HTTPSHandler(context=context))
    for handler in handlers:
        opener.add_handler(handler)
    asked = urllib.request.Request(url, headers={"User-Agent": _USER_AGENT})  # noqa: S310 - http(s)
    try:
        answer = opener.open(asked, timeout=_NETWORK_WITHIN_S)
    except urllib.error.HTTPError as exc:
        with exc:
            raise Refused(f"cannot be read: HTTP {exc.code} {exc.reason}") from None
    if answer is None:  # redirected to a scheme that is not spoken
        raise Refused("cannot be read: it is neither http nor https")
    with answer:
        data: bytes = answer.read(LONGEST_SCRIPT + 1)
    return data


def _why(exc: BaseException) -> str:
    reason = getattr(exc, "reason", None)  # urllib's errors hold the socket's
    inner = reason if isinstance(reason, OSError) else exc
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__


def pac_text(data: bytes) -> str:
    """A PAC file's text: UTF-8, else Latin-1.

    Raises:
        Refused: it is a page, as a portal or a proxy would serve.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if text.lstrip()[:1] == "<":
        raise Refused("is an HTML page, and no PAC file: ask for it with a browser")
    return text


def _loaded(script: str, functions: PacFunctions) -> quickjs.Context:
    context = quickjs.Context()
    context.set_memory_limit(_ENGINE_BYTES)
    context.set_max_stack_size(_STACK_BYTES)
    for name, function in functions.table().items():
        context.add_callable(name, function)
    try:
        context.eval(script)
        is_there = context.eval("typeof FindProxyForURL === 'function'")
    except Exception as exc:  # noqa: BLE001 - of the script's making
        raise Refused(f"fails when it is loaded: {_words(exc)}") from None
    if not is_there:
        raise Refused("has no function FindProxyForURL, and so is no PAC file")
    return context


def _asked(context: quickjs.Context, url: str, host: str) -> str:
    try:
        answer = context.get("FindProxyForURL")(url, host)
    except Exception as exc:  # noqa: BLE001 - of the script's making
        raise Refused(f"fails for {url}: {_words(exc)}") from None
    if answer is None:
        return ""
    if not isinstance(answer, str):
        raise Refused(f"returned no text for {url}")
    if len(answer) > LONGEST_ANSWER:
        raise Refused(f"returned {len(answer)} characters for {url}; {LONGEST_ANSWER} are the most")
    return answer


def _words(exc: Exception) -> str:
    """An error of JavaScript, and where: it is a stack of lines."""
    first, _, stack = str(exc).strip().partition("\n")
    if first in _OUT_OF_MEMORY:
        return f"it takes more than {_ENGINE_BYTES >> 20} MiB of memory"
    place = stack.strip().partition("\n")[0]
    return f"{first[:200]} {place.removeprefix('at ')[:60]}".strip()


@lru_cache(maxsize=_MOST_LOOK_UPS)
def _look(name: str) -> tuple[str, ...]:
    """By this host's resolver, as sessions' names are."""
    if _look.cache_info().currsize >= _MOST_LOOK_UPS - 1:
        return ()
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(one[4][0]).partition("%")[0] for one in found))


def _now(is_gmt: bool) -> time.struct_time:  # noqa: FBT001 - as `pac_functions.Now` has it
    return time.gmtime() if is_gmt else time.localtime()


if __name__ == "__main__":
    obey_job()
