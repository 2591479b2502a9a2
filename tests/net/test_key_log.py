"""Keys of TLS sessions, by either library: in a file of their own, and while they are asked for."""

import pytest

from stresser.model.client_hello import HelloKind
from stresser.net.hello_bytes import client_context
from stresser.net.key_log import keys_logged
from stresser.net.tls import TlsProfile, context_for
from tests.net.peers import run, tls_pair


@pytest.mark.parametrize("hello", [None, HelloKind.HYBRID])
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_keys_are_written_to_a_private_file_while_asked_to(version, hello, tmp_path):
    profile = TlsProfile(require=False, hello=hello)
    path, context = tmp_path / "keys.log", client_context(profile)

    async def connect():
        async with tls_pair(version, profile=profile):
            pass

    with keys_logged([context], path):
        run(connect)
    kept = path.read_text()
    assert ("CLIENT_RANDOM " if version == "TLSv1.2" else "CLIENT_TRAFFIC_SECRET_0 ") in kept
    assert path.stat().st_mode & 0o777 == 0o600
    run(connect)
    assert path.read_text() == kept


def test_keys_go_to_a_new_file_alone(tmp_path):
    path, victim = tmp_path / "keys.log", tmp_path / "victim"
    victim.write_text("")
    path.symlink_to(victim)
    context = context_for(TlsProfile(require=False))
    with pytest.raises(FileExistsError), keys_logged([context], path):
        pass
    path.unlink()
    with keys_logged([context], path):
        path.rename(tmp_path / "away")
        path.symlink_to(victim)
        run(opened)
    assert victim.read_text() == ""
    assert "SECRET" in (tmp_path / "away").read_text()


async def opened():
    async with tls_pair("TLSv1.3"):
        pass
