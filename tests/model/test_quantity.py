"""The names of what is measured."""

from stresser.model.ending import Phase
from stresser.model.quantity import HIGHEST_NS, PROXY_STEPS, Quantity


def test_each_handshake_phase_is_a_quantity():
    handshake = {Phase.RESOLVE, Phase.CONNECT, Phase.PROXY, Phase.TLS, Phase.UPGRADE}
    assert handshake <= set(Quantity)


def test_the_steps_through_a_proxy_are_quantities_and_no_phases():
    assert [step.value for step in PROXY_STEPS] == ["proxy_connect", "proxy_tls", "proxy_tunnel"]
    assert not {step.value for step in PROXY_STEPS} & set(Phase)


def test_a_month_long_run_fits_a_histogram():
    assert HIGHEST_NS > 31 * 86_400 * 10**9
