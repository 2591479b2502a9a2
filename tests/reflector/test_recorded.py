import gc
import ssl

import pytest
import trio
import trio.testing

from stresser.model.errors import ReflectorError
from stresser.record.reader import RunStatus, open_reflection
from stresser.reflector.recorded import RecordedReflector, ReflectorPlan, context_of
from stresser.witness.loop import COLLECT_SELDOM
from tests.fakes.certificates import authority, server_context


def test_its_folder_is_a_run_folder_that_says_how_it_ended(tmp_path):
    told: list[str] = []

    async def obey(stop, force, note, *, task_status=trio.TASK_STATUS_IGNORED):
        task_status.started()
        while not any(line.startswith("reflecting on 127.0.0.1:") for line in told):
            await trio.testing.wait_all_tasks_blocked()
        assert gc.get_threshold() == COLLECT_SELDOM
        stop("signal SIGINT")

    plan = ReflectorPlan(
        host="127.0.0.1", port=0, context=server_context(), token=None, out=tmp_path, label="far"
    )
    reflector = RecordedReflector(plan, ["stresser"], told.append)

    async def main():
        with trio.fail_after(20):
            await reflector.run(obey)

    before = gc.get_threshold()
    trio.run(main)
    assert gc.get_threshold() == before

    [path] = tmp_path.iterdir()
    run = open_reflection(path)
    assert path.name.endswith("-reflector-far")
    assert run.status is RunStatus.COMPLETE
    assert run.manifest is not None
    assert run.manifest.listened == "127.0.0.1:0"
    assert run.manifest.end_reason == "signal SIGINT"
    assert reflector.gap is None


def test_a_chain_with_its_key_makes_a_context(tmp_path):
    cert = authority().issue_cert("x")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    cert.cert_chain_pems[0].write_to_path(str(chain))
    cert.private_key_pem.write_to_path(str(key))
    assert isinstance(context_of(chain, key), ssl.SSLContext)
    with pytest.raises(ReflectorError, match="no PEM chain with its key"):
        context_of(key, chain)
    with pytest.raises(ReflectorError, match=r"--key .*missing\.pem: No such file"):
        context_of(chain, tmp_path / "missing.pem")
