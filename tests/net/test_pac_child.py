"""How a PAC file is read, and what its script can and cannot do."""

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.fakes.tools import missing

try:
    from stresser.net import pac_child
except ImportError:
    missing("quickjs-ng, the extra stresser[pac], is not installed")

SCRIPT = b'function FindProxyForURL(url, host) { return "DIRECT"; }'


@contextmanager
def pac_server(*answers, location=""):
    """Serves `(status, body)` in this order, then the last again; gives its URL and what it saw."""
    asked: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answers[min(len(asked), len(answers) - 1)]
            asked.append((self.path, self.headers["User-Agent"]))
            self.send_response(status)
            if status in {301, 302}:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/wpad.dat", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def conversation(place, *asks, own=()):
    """What a process of its own answers, line by line."""
    job = {"place": str(place), "asks": asks, "own": own}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "stresser.net.pac_child"],
        input=json.dumps(job) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def refusal(call, *given):
    with pytest.raises(pac_child.Refused) as refused:
        call(*given)
    return str(refused.value)


def test_a_file_is_asked_line_by_line(tmp_path):
    file = tmp_path / "a.pac"
    file.write_text(
        "let asked = 0;\nconst FindProxyForURL = null;\n".replace(
            "const FindProxyForURL = null;\n", ""
        )
        + "function FindProxyForURL(url, host) {\n"
        "  asked += 1;\n"
        "  return `PROXY ${host}:${asked}; PROXY ${myIpAddress()}:1`;\n}"
    )
    asks = (("wss://a.example.net/", "a.example.net"), ("wss://b/", "b"))
    assert conversation(file, *asks, own=["192.0.2.1"]) == [
        {"done": "read"},
        {"done": "loaded"},
        {"answer": "PROXY a.example.net:1; PROXY 192.0.2.1:1"},
        {"answer": "PROXY b:2; PROXY 192.0.2.1:1"},
    ]


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("null", {"answer": ""}),
        ("undefined", {"answer": ""}),
        ("dnsResolve('localhost')", {"answer": "127.0.0.1"}),
        ("isResolvable('no-such-name.invalid') ? 'a' : 'DIRECT'", {"answer": "DIRECT"}),
        ("1", {"mistake": "returned no text for wss://a/"}),
        ("({})", {"mistake": "returned no text for wss://a/"}),
        ("'x'.repeat(5000)", {"mistake": "returned 5000 characters for wss://a/; 4096 are the"}),
        ("nothing()", {"mistake": "fails for wss://a/: ReferenceError: nothing is not defined"}),
        ("FindProxyForURL()", {"mistake": "fails for wss://a/: RangeError: Maximum call stack"}),
        ("typeof require + typeof std + typeof os + typeof fetch + typeof XMLHttpRequest",
         {"answer": "undefined" * 5}),
        ("'x'.repeat(2 ** 28)", {"mistake": "fails for wss://a/: it takes more than 64 MiB"}),
    ],
)  # fmt: skip
def test_what_a_script_returns(tmp_path, returned, said):
    file = tmp_path / "a.pac"
    file.write_text(f"function FindProxyForURL(url, host) {{ return {returned}; }}")
    *_, last = conversation(file, ("wss://a/", "a"))
    ((kind, words),) = said.items()
    assert last[kind] == words if kind == "answer" else last[kind].startswith(words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("function (", "fails when it is loaded: SyntaxError"),
        ("throw new Error('no')", "fails when it is loaded: Error: no"),
        ("var FindProxyForURL = 7", "has no function FindProxyForURL"),
        ("", "has no function FindProxyForURL"),
        (" \n<!DOCTYPE html><html>Log in</html>", "is an HTML page, and no PAC file"),
    ],
)
def test_what_is_no_pac_is_said(tmp_path, text, said):
    file = tmp_path / "a.pac"
    file.write_text(text)
    assert conversation(file, ("wss://a/", "a"))[-1]["mistake"].startswith(said)


def test_a_text_in_either_encoding():
    assert pac_child.pac_text("﻿// grün".encode()) == "// grün"
    assert pac_child.pac_text("// grün".encode("latin-1")) == "// grün"


def test_a_file_that_cannot_be_read(tmp_path):
    assert refusal(pac_child.read_pac, str(tmp_path / "none")).startswith("cannot be read: No such")
    assert refusal(pac_child.read_pac, str(tmp_path)).startswith("cannot be read: Is a directory")
    big = tmp_path / "big"
    big.write_bytes(b" " * (pac_child.LONGEST_SCRIPT + 1))
    assert refusal(pac_child.read_pac, str(big)) == "is longer than 1024 KiB"


def test_a_url_is_fetched_directly(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pac_server((200, SCRIPT)) as (url, asked):
        assert pac_child.read_pac(url) == SCRIPT
    ((path, agent),) = asked
    assert path == "/wpad.dat"
    assert agent.startswith("stresser")


def test_a_redirection_is_followed_to_http_alone():
    script = pac_server((200, SCRIPT))
    with script as (there, _), pac_server((302, b""), location=there) as (url, _):
        assert pac_child.read_pac(url) == SCRIPT
    with pac_server((302, b""), location="file:///etc/passwd") as (url, _):
        assert "cannot be read" in refusal(pac_child.read_pac, url)
    with pac_server((302, b""), location="/wpad.dat") as (url, asked):
        assert "cannot be read: HTTP 302" in refusal(pac_child.read_pac, url)
    assert len(asked) < 20


def test_what_a_server_refuses_is_said():
    with pac_server((404, b"")) as (url, _):
        assert refusal(pac_child.read_pac, url) == "cannot be read: HTTP 404 Not Found"
    with pac_server((200, b" " * (pac_child.LONGEST_SCRIPT + 1))) as (url, _):
        assert refusal(pac_child.read_pac, url) == "is longer than 1024 KiB"
    assert refusal(pac_child.read_pac, url) == "cannot be read: Connection refused"


def test_a_certificate_that_does_not_verify_is_refused():
    from tests.fakes.certificates import server_context

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_):
            pass

    server = Server(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = server_context().wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.handle_request, daemon=True)
    thread.start()
    said = refusal(pac_child.read_pac, f"https://127.0.0.1:{server.server_port}/")
    server.server_close()
    thread.join()
    assert said.startswith("cannot be read: ")
    assert "CERTIFICATE_VERIFY_FAILED" in said
