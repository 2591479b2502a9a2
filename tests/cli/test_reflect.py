"""`stresser reflect`: what it refuses in one line, and a whole run with both ends' account."""

import json
import os
import signal
import subprocess

import pytest

from stresser.cli.reflect import reflect
from stresser.model.errors import ExitCode, ReflectorError
from tests.cli.run_process import PATIENCE_S, ROOT, STRESSER
from tests.fakes.certificates import authority, authority_file

TOKEN = "correct horse battery staple"  # noqa: S105 - the test's own


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    made = authority().issue_cert("127.0.0.1")
    chain, key = folder / "chain.pem", folder / "key.pem"
    made.cert_chain_pems[0].write_to_path(str(chain))
    made.private_key_pem.write_to_path(str(key))
    return chain, key


@pytest.mark.parametrize(
    ("listen", "token", "said"),
    [
        ("192.0.2.1", None, "write ADDRESS:PORT"),
        ("192.0.2.1:99999", None, "write ADDRESS:PORT"),
        ("192.0.2.1:0", None, "anybody may come there"),
        ("203.0.113.7:443", None, "anybody may come there"),
        ("127.0.0.1:0", "secret-in-the-open", "must come from the environment"),
        ("127.0.0.1:0", "env:NO_SUCH_TOKEN", "holds 0 characters; a token needs 16"),
    ],
)
def test_bad_input_is_one_line(keys, listen, token, said):
    with pytest.raises(ReflectorError, match=said) as caught:
        reflect(listen, keys[0], keys[1], token)
    assert "\n" not in str(caught.value)


def scenario(port):
    endpoint = 'reflector = { token = "env:REFLECT_TOKEN" }'
    blocks = [
        f'[[endpoints]]\nname = "{scheme}"\nurl = "{scheme}://127.0.0.1:{port}"\n'
        f'ca = "{authority_file()}"\n{endpoint}\n'
        for scheme in ("wss", "tls")
    ]
    return "\n".join(
        [
            (
                'name = "both"\nduration = "4s"\n[sessions]\ncount = 3\nreconnect = false\n'
                '[activity]\nkind = "silent"\n[timeouts]\nclose = "1s"\n'
            ),
            *blocks,
            (
                '[[egresses]]\nname = "direct"\n[[egresses]]\nname = "box"\n'
                'lab = { idle_timeout = "1s", kill = "reset" }\n'
            ),
        ]
    )


@pytest.mark.slow
def test_both_ends_tell_of_a_run(keys, tmp_path):
    environment = os.environ | {"REFLECT_TOKEN": TOKEN}
    chain, key = map(str, keys)
    options = ["--listen", "127.0.0.1:0", "--cert", chain, "--key", key]
    far = subprocess.Popen(
        [*STRESSER, "reflect", *options, "--token", "env:REFLECT_TOKEN", "--out", tmp_path / "far"],
        cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert far.stderr is not None
        first = far.stderr.readline()
        port = int(first.partition(";")[0].rpartition(":")[2])
        file = tmp_path / "both.toml"
        file.write_text(scenario(port))
        run = ["run", str(file), "--quiet", "--out", str(tmp_path / "near")]
        done = subprocess.run(
            [*STRESSER, *run], cwd=ROOT, env=environment, capture_output=True, text=True,
            check=False, timeout=PATIENCE_S,
        )  # fmt: skip
        far.send_signal(signal.SIGINT)
        _, said = far.communicate(timeout=PATIENCE_S)
    finally:
        far.kill()
        far.wait()
    assert "12 sessions of testers" in said
    [near_folder], [far_folder] = (list((tmp_path / name).iterdir()) for name in ("near", "far"))
    # Inconclusive where this host was too busy, and for nothing else: both ends' records are whole.
    doubts = json.loads((near_folder / "summary.json").read_text())["doubts"]
    assert [one for one in doubts if "late" not in one] == []
    assert done.returncode == (ExitCode.INCONCLUSIVE if doubts else ExitCode.PASS), done.stderr

    joined = subprocess.run(
        [*STRESSER, "join", str(near_folder), str(far_folder), "--json"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip

    assert joined.returncode == 0, joined.stderr
    assert "both ends recorded 12 of 12 sessions" in joined.stderr
    summary = json.loads(joined.stdout)
    assert summary == json.loads((near_folder / "joined.json").read_text())
    assert summary["diagnoses"][0]["who"] == "middlebox"
    drops = _drops(near_folder)
    assert len(drops) == 6
    assert {(one["initiator"], one["grade"]) for one in drops} == {("middlebox", "reflector")}
    assert TOKEN not in "".join(
        path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()
    )


def _drops(folder):
    done = subprocess.run(
        [*STRESSER, "report", str(folder), "--format", "json", "--out", "-"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    return json.loads(done.stdout)["runs"][0]["drops"]
