"""A run of both ends and its redacted copy: every figure, nothing of the original."""

import io
import ipaddress
import time

from stresser.analysis.summary.run_reading import pass_on
from stresser.bundle.drop_packets import DropPackets
from stresser.record.reader import open_run
from tests.netlab.redacted import complaints_of
from tests.netlab.reflected import NAMED, TOKEN, Reflector
from tests.netlab.tester import SESSIONS
from tests.netlab.topology import CLIENT, SERVER, SUSPECT


def packets_of(folder):
    file = io.BytesIO()
    pass_on(open_run(folder).events(), [DropPackets(file)])
    return file.getvalue()


def test_nothing_of_a_run_that_both_ends_recorded_is_left(lab, tmp_path):
    forger = lab.start_forger()
    reflector = Reflector(lab)
    thresholds = '"rtt.p99{endpoint=server, egress=suspect}" = "< 30s"'
    tester = lab.hold(lab.plan(each_endpoint=NAMED, thresholds=thresholds), environment=TOKEN)
    forger.order("imitate")
    forger.wait_until_says("forged")
    tester.wait_for_drops(SESSIONS)
    time.sleep(2.5)  # the far end holds them for longer than its own closing may take
    recording = tester.finish()
    reflector.stop()
    folder = reflector.joined(recording).folder
    assert (folder / "far_ends.jsonl").exists()
    assert complaints_of(folder, tmp_path) == []
    redacted = packets_of(tmp_path / "redacted")
    for address in (SERVER, CLIENT[SUSPECT]):
        packed = ipaddress.ip_address(address).packed
        assert packed in packets_of(folder)
        assert packed not in redacted
