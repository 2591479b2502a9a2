"""What a 407 asks for, however it is written."""

import pytest

from stresser.net.challenges import Challenge, challenges_in, offered_by

HEAD = b"HTTP/1.1 407 Who are you\r\nServer: x\r\n"


def challenges(*values):
    lines = b"".join(b"Proxy-Authenticate: %b\r\n" % value for value in values)
    return challenges_in(HEAD + lines + b"\r\n")


NEGOTIATE, NTLM = Challenge("negotiate"), Challenge("ntlm")
REALM = Challenge("basic", "", {"realm": "q"})


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], []),
        ([b"Negotiate"], [NEGOTIATE]),
        ([b"Negotiate", b"NTLM"], [NEGOTIATE, NTLM]),
        ([b"Negotiate, NTLM"], [NEGOTIATE, NTLM]),
        ([b"NTLM TlRMTVNTUAACAAA="], [Challenge("ntlm", "TlRMTVNTUAACAAA=")]),
        ([b'Negotiate YII=, Basic realm="q"'], [Challenge("negotiate", "YII="), REALM]),
        ([b'basic realm="q"'], [REALM]),
        ([b"BASIC realm=q"], [REALM]),
        ([b'Basic realm = "q" '], [REALM]),
        ([b',, ,Basic realm="q",'], [REALM]),
        ([b'Basic realm="a \\"b\\", c"'], [Challenge("basic", "", {"realm": 'a "b", c'})]),
        ([b'Digest realm="q", nonce="n", qop="auth,auth-int", algorithm=MD5, Basic realm="q"'],
         [Challenge("digest", "", {"realm": "q", "nonce": "n", "qop": "auth,auth-int",
                                   "algorithm": "MD5"}), REALM]),
        ([b'\xff\xfe(), Basic realm="q"'], [REALM]),
        ([b'Basic realm="never closed'], [Challenge("basic", "", {"realm": ""})]),
        ([b'Basic realm="q", realm="again"'], [REALM]),
        ([b"Negotiate"] * 40, [NEGOTIATE] * 16),
    ],
)  # fmt: skip
def test_challenges(values, found):
    assert challenges(*values) == found


def test_what_is_offered_has_the_names_that_a_person_writes():
    found = challenges(b"NEGOTIATE, ntlm", b"X-Mine abc, bearer, X-Yours, ntlm")
    assert offered_by(found) == ("Negotiate", "NTLM", "another scheme", "Bearer")
