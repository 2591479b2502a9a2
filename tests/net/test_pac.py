"""PAC files that are nobody's friend, and how long they may take."""

import subprocess
import sys
import threading
from importlib.util import find_spec

import pytest

from stresser.net import pac
from stresser.net.pac import Patience, ask_pac
from stresser.scenario.pac_answer import PacAsk
from tests.fakes.tools import missing

if find_spec("quickjs") is None:
    missing("quickjs-ng, the extra stresser[pac], is not installed")

ASK = PacAsk("wss://broker.example.net/", "broker.example.net")
OTHER = PacAsk("wss://b/", "b")
LITTLE = Patience(answer=0.5)
"""For what never ends: it may be short."""


@pytest.fixture
def script(tmp_path):
    def write(text):
        file = tmp_path / "a.pac"
        file.write_text(text)
        return str(file)

    return write


@pytest.fixture
def children(monkeypatch):
    """The processes that were started."""
    started, real = [], subprocess.Popen

    def popen(*given, **named):
        started.append(real(*given, **named))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    return started


def refusal(*given):
    with pytest.raises(ValueError, match=r".") as refused:
        ask_pac(*given)
    said = str(refused.value)
    assert said.isprintable()
    return said


def test_each_question_has_its_answer(script, children):
    text = 'function FindProxyForURL(u, h) { return isPlainHostName(h) ? "DIRECT" : "PROXY p:1"; }'
    assert ask_pac(script(text), [ASK, OTHER, ASK], []) == ["PROXY p:1", "DIRECT", "PROXY p:1"]
    (child,) = children
    assert child.returncode is not None
    assert child.args[0] == sys.executable


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("function FindProxyForURL(u, h) { while (true) {} }",
         "gave no answer for wss://broker.example.net/ within 0.5 s, and was ended"),
        ("function FindProxyForURL(u, h) { return /^(a+)+$/.test('a'.repeat(99) + 'b'); }",
         "gave no answer for wss://broker.example.net/ within 0.5 s, and was ended"),
        ("while (true) {}", "was not loaded within 0.5 s, and was ended"),
    ],
)  # fmt: skip
def test_a_script_that_never_ends_is_ended(script, children, text, said):
    assert refusal(script(text), [ASK], [], LITTLE) == said
    assert [child.returncode for child in children] != [None]


@pytest.mark.parametrize(
    "body",
    [
        "const a = []; while (true) a.push('x'.repeat(1e6) + a.length);",
        "const a = []; while (true) a.push(new Uint8Array(1e7));",
        "let s = 'x'; const a = []; while (true) a.push(s += 'x');",
        "function f() { return [f, f]; } let a = []; while (true) a = [a, f(), {a}];",
    ],
)
def test_a_script_that_takes_all_memory_is_ended(script, children, body):
    said = refusal(script(f"function FindProxyForURL(u, h) {{ {body} }}"), [ASK], [])
    words = "fails for wss://broker.example.net/: it takes more than 64 MiB of memory"
    assert said == words
    assert children[0].returncode is not None


def test_an_error_cannot_play_with_the_terminal(script):
    said = refusal(script(r"throw new Error('\x1b[2J\n' + 'x'.repeat(9000))"), [ASK], [])
    assert said.startswith(r"fails when it is loaded: Error: \x1b[2J")
    assert len(said) < 400


def test_the_runs_secrets_are_not_in_its_environment(script, children, monkeypatch):
    monkeypatch.setenv("PROXY_PASSWORD", "hunter2")
    seen = []
    real = subprocess.Popen

    def popen(*given, **named):
        seen.append(named["env"])
        return real(*given, **named)

    monkeypatch.setattr(subprocess, "Popen", popen)
    ask_pac(script("function FindProxyForURL(u, h) {}"), [ASK], [])
    assert "hunter2" not in str(seen)
    assert "PATH" in seen[0]


def test_a_process_that_dies_is_said(script, monkeypatch):
    monkeypatch.setattr(pac, "_MODULE", "stresser.no_such_module")
    assert refusal(script(""), [ASK], []).startswith("was not read: its process died (code ")


def test_a_server_that_says_nothing_is_waited_for_in_vain(monkeypatch):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/wpad.dat"
        said = refusal(url, [ASK], [], Patience(read=0.5))
    assert said == "was not read within 0.5 s, and was ended"


def test_without_the_extra_one_line_says_so(script, monkeypatch):
    monkeypatch.setattr(pac, "_ENGINE", "no_such_engine")
    said = refusal(script(""), [ASK], [])
    assert said == "needs the extra stresser[pac]: pip install 'stresser[pac]'"


def test_no_thread_is_left(script):
    ask_pac(script("function FindProxyForURL(u, h) {}"), [ASK], [])
    refusal(script("while (true) {}"), [ASK], [], LITTLE)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and "_read" in thread.name:
            thread.join(10)
            assert not thread.is_alive()
