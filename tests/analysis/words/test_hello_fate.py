"""What became of a ClientHello: by the kernel's figures, one row a case."""

import pytest

from stresser.analysis.words.hello_fate import HelloFate, fate_words, hello_fate
from stresser.model.ending import Kind, Phase
from tests.fakes.checked import failed, tcp_info

F = HelloFate


@pytest.mark.parametrize(
    ("phase", "kind", "info", "fate"),
    [
        (Phase.TLS, Kind.TIMEOUT, tcp_info(bytes_acked=518), F.ANSWER_MISSING),
        (Phase.TLS, Kind.TIMEOUT, tcp_info(bytes_acked=518, out_of_order=2), F.ANSWER_TORN),
        (Phase.TLS, Kind.TIMEOUT, tcp_info(bytes_acked=518, data_segments_received=1),
         F.ANSWER_TORN),
        (Phase.TLS, Kind.TIMEOUT,
         tcp_info(bytes_acked=518, data_segments_received=1, bytes_received=90), F.ANSWER_MISSING),
        (Phase.TLS, Kind.TIMEOUT, tcp_info(bytes_acked=1, unacked=1), F.UNACKNOWLEDGED),
        (Phase.TLS, Kind.KERNEL_TIMEOUT, tcp_info(bytes_acked=1), F.UNACKNOWLEDGED),
        (Phase.TLS, Kind.TIMEOUT, tcp_info(bytes_acked=None), F.ANSWER_MISSING),
        (Phase.TLS, Kind.TIMEOUT, None, F.UNKNOWN),
        (Phase.TLS, Kind.TCP_RESET, None, F.CUT),
        (Phase.TLS, Kind.TCP_FIN, None, F.CUT),
        (Phase.TLS, Kind.TLS_ALERT, None, None),
        (Phase.CONNECT, Kind.TIMEOUT, None, None),
        (Phase.UPGRADE, Kind.TCP_RESET, None, F.CUT),
        (Phase.UPGRADE, Kind.TIMEOUT, tcp_info(bytes_acked=700, unacked=2), F.UNACKNOWLEDGED),
        (Phase.HELD, Kind.TCP_RESET, None, None),
    ],
)  # fmt: skip
def test_fates(phase, kind, info, fate):
    evidence = {} if info is None else {"tcp_info": info}
    assert hello_fate(failed(phase=phase, kind=kind, evidence=evidence).ending) is fate


def test_words_have_the_kernels_figures():
    def said(**figures):
        evidence = {"tcp_info": tcp_info(**figures)}
        return fate_words(failed(phase=Phase.TLS, evidence=evidence).ending)

    assert said(bytes_acked=518) == (
        "the ClientHello was acknowledged, its answer did not come (TCP_INFO: 0 bytes received)"
    )
    assert "in part (TCP_INFO: 0 bytes received, 3 segments behind a gap)" in str(
        said(bytes_acked=518, out_of_order=3)
    )
    assert "never acknowledged" in str(said(bytes_acked=1, unacked=1))
    assert fate_words(failed(phase=Phase.TLS, kind=Kind.TCP_RESET).ending) is None
