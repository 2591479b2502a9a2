"""From one proxy of a list to the next: when, how soon, and what is told of it. In virtual time."""

import dataclasses
import errno
import os

import pytest
import trio

from stresser.model.cohort import Pair
from stresser.model.ending import Kind, Phase
from stresser.model.proxy_chosen import ProxyChosen
from stresser.net.https_request import HttpsRequest
from stresser.net.proxy import ProxyHop
from stresser.net.tls import TlsProfile
from stresser.scenario.pac_answer import PacAnswer, entries_of
from stresser.scenario.plan import Reconnect
from stresser.scenario.proxy_url import ProxyScheme
from stresser.scenario.wording import Wording
from stresser.session.lifecycle import hold_until_asked
from stresser.session.proxy_entries import RETRY_AFTER_S, ProxyEntries
from stresser.session.request_before import RequestBefore
from tests.fakes.certificates import SERVER_NAME, server_context
from tests.fakes.peers import websocket_server
from tests.fakes.proxies import http_proxy, says, tls_proxy
from tests.fakes.resolver import Zone
from tests.fakes.world import COHORT, in_virtual_time, seconds, world

A, B = "192.0.2.9", "192.0.2.10"
STRICT = TlsProfile(require=True, alpn=("http/1.1",))
STEADY = Reconnect(initial=seconds(1), max=seconds(60), jitter=0)


def endpoint():
    return websocket_server(server_context("1.3"))


def os_error(number):
    return OSError(number, os.strerror(number))


class Street:
    """Who answers at each address: a program, or an error."""

    def __init__(self, made, **who):
        self.made = made
        self.who = {address.replace("_", "."): one for address, one in who.items()}
        self.asked = []

    async def connect(self, address, binding, clock, hangups):
        await trio.lowlevel.checkpoint()
        self.asked.append((address.host, trio.current_time()))
        answer = self.who.get(address.host, self.who.get("else"))
        if isinstance(answer, OSError):
            raise answer
        if answer == "silence":
            await trio.sleep_forever()
        self.made.program = answer
        return await self.made.connect(address, binding, clock, hangups)


def route_through(made, answer, street, **route):
    def hop(one):
        if one is None:
            return None
        tls = STRICT if one.scheme is ProxyScheme.HTTPS else None
        return ProxyHop(proxy=one, user_agent="stresser/test", tls=tls)

    hops = tuple(map(hop, entries_of(answer)))
    said = PacAnswer(source="pac:corp.pac", url="wss://e/", answer=answer)
    entries = ProxyEntries(Pair(COHORT.endpoint, COHORT.egress), said, hops)
    plain = dataclasses.replace(made.route(connect=street.connect, **route), entries=entries)
    return dataclasses.replace(plain, proxy=hops[0])


def lived(answer, *, until_s=10.0, during=None, reconnect=STEADY, seats=1, before=None, **who):
    """The notebook and the street of a cohort's life."""
    who = {address: one() if callable(one) else one for address, one in who.items()}

    async def story():
        names = {"broker_test": "192.0.2.1", "a": A, "b": B}
        trio.socket.set_custom_hostname_resolver(Zone(**names))
        async with world(endpoint()) as made:
            street = Street(made, **{k.replace("at_", ""): v for k, v in who.items()})
            plain = route_through(made, answer, street)
            taken = dataclasses.replace(plain, before=before)
            for _ in range(seats):
                made.start(taken, reconnect=reconnect)
            with trio.move_on_at(trio.current_time() + until_s):
                if during is not None:
                    await during(made, street)
                await trio.sleep_forever()
            made.stop()
            await trio.sleep(6)
            return made.notebook, street

    return in_virtual_time(story)


def chosen_in(notebook):
    return [event for event in notebook.events if isinstance(event, ProxyChosen)]


def refusing():
    return os_error(errno.ECONNREFUSED)


def serving():
    return http_proxy(endpoint())


def test_a_proxy_that_refuses_is_followed_by_the_next_at_once():
    notebook, street = lived(f"PROXY {A}:1; PROXY {B}:1", at_192_0_2_9=refusing(),
                             at_192_0_2_10=serving)  # fmt: skip
    assert [host for host, _ in street.asked] == [A, B]
    assert len({at for _, at in street.asked}) == 1
    (failed,) = notebook.failed
    assert (failed.ending.kind, failed.ending.phase, failed.proxy) == (
        Kind.REFUSED, Phase.PROXY, f"http://{A}:1",
    )  # fmt: skip
    (opened,) = notebook.opened
    assert opened.proxy == f"http://{B}:1"
    (told,) = chosen_in(notebook)
    assert (told.chosen, told.instead_of) == (f"http://{B}:1", f"http://{A}:1")
    assert (told.failure, told.attempt) == ("Connection refused", failed.attempt)
    assert told.entries == [f"http://{A}:1", f"http://{B}:1"]
    assert (told.endpoint, told.egress) == COHORT[:2]


def test_at_last_directly():
    notebook, street = lived(f"PROXY {A}:1; DIRECT", at_192_0_2_9=refusing(), at_else=endpoint)
    assert [host for host, _ in street.asked] == [A, "192.0.2.1"]
    (opened,) = notebook.opened
    assert opened.proxy is None
    assert "connect" in opened.phases_ns
    assert chosen_in(notebook)[0].chosen == "direct"
    assert notebook.only_ended().ending.planned


COUNTED = [
    (refusing, Kind.REFUSED),
    (lambda: os_error(errno.EHOSTUNREACH), Kind.UNREACHABLE),
    (lambda: os_error(errno.ETIMEDOUT), Kind.KERNEL_TIMEOUT),
    (lambda: "silence", Kind.TIMEOUT),
    (lambda: says("hear", "hang up"), Kind.TCP_FIN),
    (lambda: says("hear", "reset"), Kind.TCP_RESET),
    (lambda: says("hear", "stall"), Kind.TIMEOUT),
]


@pytest.mark.parametrize(("broken", "kind"), COUNTED)
def test_a_proxy_that_does_not_do_its_part_is_passed_over(broken, kind):
    notebook, _ = lived(f"PROXY {A}:1; PROXY {B}:1", until_s=30, at_192_0_2_9=broken,
                        at_192_0_2_10=serving)  # fmt: skip
    assert [event.ending.kind for event in notebook.failed] == [kind]
    assert [event.proxy for event in notebook.opened] == [f"http://{B}:1"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Kind.PROXY_ERROR),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", Kind.PROXY_ERROR),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", Kind.PROXY_ERROR),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n", Kind.PROTOCOL_ERROR),
    ],
)
def test_an_answer_of_a_proxy_is_no_reason(answer, kind):
    broken = lambda: http_proxy(endpoint(), answer=answer)  # noqa: E731 - made anew for each
    notebook, street = lived(f"PROXY {A}:1; PROXY {B}:1", until_s=2.5, at_192_0_2_9=broken,
                             at_192_0_2_10=serving)  # fmt: skip
    assert [event.ending.kind for event in notebook.failed] == [kind] * 2
    assert [(host, at) for host, at in street.asked] == [(A, 0), (A, 1)]
    assert chosen_in(notebook) == []


def test_what_the_endpoint_does_is_no_reason():
    silent = lambda: http_proxy(says("hear", "reset"))  # noqa: E731 - made anew for each
    notebook, street = lived(f"PROXY {A}:1; PROXY {B}:1", until_s=0.5, at_192_0_2_9=silent,
                             at_192_0_2_10=serving)  # fmt: skip
    assert [event.ending.phase for event in notebook.failed] == [Phase.TLS]
    assert [host for host, _ in street.asked] == [A]


def test_a_proxys_name_that_does_not_resolve_is_passed_over():
    notebook, street = lived("PROXY no-such-name:1; PROXY b:1", at_192_0_2_10=serving)
    (failed,) = notebook.failed
    assert (failed.ending.kind, failed.ending.phase) == (Kind.RESOLVE_ERROR, Phase.RESOLVE)
    assert [host for host, _ in street.asked] == [B]
    assert chosen_in(notebook)[0].instead_of == "http://no-such-name:1"


def test_a_proxys_certificate_that_does_not_verify_is_passed_over():
    stranger = lambda: tls_proxy(server_context("1.3"), http_proxy(endpoint()))  # noqa: E731 - made anew for each
    notebook, _ = lived(f"HTTPS a:1; PROXY {B}:1", at_192_0_2_9=stranger, at_192_0_2_10=serving)
    assert [event.ending.kind for event in notebook.failed] == [Kind.CERTIFICATE]
    assert [event.ending.phase for event in notebook.failed] == [Phase.PROXY]
    assert [event.proxy for event in notebook.opened] == [f"http://{B}:1"]


def test_limits_of_this_machine_are_no_proxys_fault():
    full = os_error(errno.EMFILE)
    notebook, street = lived(f"PROXY {A}:1; PROXY {B}:1", until_s=0.5, at_192_0_2_9=full,
                             at_192_0_2_10=serving)  # fmt: skip
    assert [host for host, _ in street.asked] == [A]
    assert [event.ending.kind for event in notebook.failed] == [Kind.TOOL]


BEFORE = RequestBefore(
    place=None,
    request=HttpsRequest(method="GET", host=SERVER_NAME, target="/token", headers={}),
    body=Wording(""),
    home=(SERVER_NAME, 443),
    take={"TOKEN": "X-Token"},
    withhold_secret=False,
)


@pytest.mark.parametrize(("broken", "kind"), COUNTED)
def test_the_request_before_a_session_fails_over_too(broken, kind):
    notebook, street = lived(f"PROXY {A}:1; PROXY {B}:1", until_s=25, before=BEFORE,
                             at_192_0_2_9=broken, at_192_0_2_10=serving)  # fmt: skip
    first, *others = notebook.failed
    assert (first.ending.kind, first.ending.phase) == (kind, Phase.BEFORE)
    # What serves here is no HTTP: through the other proxy the endpoint is asked all the same.
    assert {host for host, _ in street.asked[1:]} == {B}
    assert {event.proxy for event in others} == {f"http://{B}:1"}
    assert [event.chosen for event in chosen_in(notebook)] == [f"http://{B}:1"]


def test_a_request_before_that_the_endpoint_refuses_is_no_reason():
    notebook, street = lived(f"PROXY {A}:1; PROXY {B}:1", until_s=2.5, before=BEFORE,
                             at_192_0_2_9=lambda: http_proxy(says("hear", "reset")),
                             at_192_0_2_10=serving)  # fmt: skip
    assert {event.ending.phase for event in notebook.failed} == {Phase.BEFORE}
    assert {host for host, _ in street.asked} == {A}
    assert chosen_in(notebook) == []


def test_where_all_fail_the_back_off_grows_and_all_are_tried_each_time():
    notebook, street = lived(f"PROXY {A}:1; PROXY {B}:1; DIRECT", until_s=8.5, at_else=refusing())
    at_once = [A, B, "192.0.2.1"]
    # A round is A, B and directly; what failed lately goes last.
    later = ["192.0.2.1", A, B]
    assert [at for _, at in street.asked] == [0] * 3 + [1] * 3 + [3] * 3 + [7] * 3
    assert [host for host, _ in street.asked] == at_once + later * 3
    assert notebook.opened == []


def test_others_do_not_try_a_proxy_that_failed_and_it_is_tried_again_later():
    async def during(made, street):
        await trio.sleep(1)
        made.paths[-1].reset()  # the session through B drops
        await trio.sleep(60)
        assert [event.proxy for event in made.notebook.opened] == [f"http://{B}:1"] * 2
        street.who[A] = serving()
        await trio.sleep(RETRY_AFTER_S)
        made.paths[-1].reset()
        await trio.sleep(5)

    notebook, street = lived(f"PROXY {A}:1; PROXY {B}:1", until_s=400, during=during,
                             at_192_0_2_9=refusing(), at_192_0_2_10=serving)  # fmt: skip
    assert [host for host, _ in street.asked] == [A, B, B, A]
    told = [(event.chosen, event.instead_of) for event in chosen_in(notebook)]
    assert told == [(f"http://{B}:1", f"http://{A}:1"), (f"http://{A}:1", None)]
    assert [event.proxy for event in notebook.ended] == [f"http://{x}:1" for x in (B, B, A)]


def test_a_dead_proxy_is_told_once_however_many_sessions_meet_it():
    notebook, _ = lived(f"PROXY {A}:1; PROXY {B}:1", seats=20, at_192_0_2_9=refusing(),
                        at_192_0_2_10=serving)  # fmt: skip
    assert len(notebook.opened) == 20
    assert {event.proxy for event in notebook.opened} == {f"http://{B}:1"}
    assert len(chosen_in(notebook)) == 1


def test_a_search_goes_on_with_the_next_proxy_too():
    async def story():
        trio.socket.set_custom_hostname_resolver(Zone(broker_test="192.0.2.1"))
        async with world(endpoint()) as made:
            street = Street(made, **{"192_0_2_9": refusing(), "192_0_2_10": serving()})
            taken = route_through(made, f"PROXY {A}:1; PROXY {B}:1", street)
            ending = await hold_until_asked(taken, made.around, 10**9, 1)
            made.stop()
            return ending, street

    ending, street = in_virtual_time(story)
    assert ending is not None
    assert ending.planned
    assert [host for host, _ in street.asked] == [A, B]


def test_without_a_pac_nothing_fails_over():
    async def story():
        trio.socket.set_custom_hostname_resolver(Zone(broker_test="192.0.2.1"))
        async with world(endpoint()) as made:
            street = Street(made, **{"else": refusing()})
            made.start(made.route(connect=street.connect), reconnect=STEADY)
            await trio.sleep(3.5)
            made.stop()
            await trio.sleep(1)
            return street

    street = in_virtual_time(story)
    assert [at for _, at in street.asked] == [0, 1, 3]
