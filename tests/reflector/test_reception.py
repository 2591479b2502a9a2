import trio

from tests.reflector.served import TOKEN, reflecting


def welcomed(tmp_path, texts, token=TOKEN):
    async def main():
        async with reflecting(tmp_path, token) as served:
            found = [served.reception.welcome(one(served)) for one in texts]
            return found, served.reception.turned_away(), served.reception.guests

    return trio.run(main)


def test_a_proved_hello_is_welcome_and_counted(tmp_path):
    [hello], _, guests = welcomed(tmp_path, [lambda served: served.hello(5)])
    assert hello is not None
    assert (hello.attempt, guests) == (5, 1)


def test_why_others_are_turned_away_is_counted(tmp_path):
    found, away, guests = welcomed(tmp_path, [lambda _: "v1", lambda _: "v1"])
    assert (found, guests) == ([None, None], 0)
    assert away["hello refused: the token does not prove it"] == 2


def test_without_a_token_everyone_is_a_stranger(tmp_path):
    found, away, _ = welcomed(tmp_path, [lambda served: served.hello(5)], token=None)
    assert found == [None]
    assert away == {"strangers": 0, "refused by a limit": 0}
