from stresser.model.ending import Kind
from tests.analysis.diagnosis import situations as of


def test_an_idle_timer_is_asked_for_with_figures():
    ask = of.idle_killer(Kind.TCP_FIN).only().ask
    assert ask.says == (
        "Raise the idle timeout on sus above 6 s, or have the client ping within 3.2 s."
    )


def test_what_the_endpoint_said_is_asked_of_its_owner():
    ask = of.idle_goodbye_of_the_endpoint().only().ask
    assert ask.whom == "service_owner"
    assert ask.says == (
        "Raise the idle timeout of server above 5 s, or have the client ping within 4 s."
    )


def test_where_nobody_can_be_asked_it_says_why():
    ask = of.endpoint_resets_one_egress().only().ask
    assert ask.says == (
        "The run does not show who can act: look for a restart, reload or failover at 00:00:07 UTC"
        " in the logs of server and of what carries sus."
    )
