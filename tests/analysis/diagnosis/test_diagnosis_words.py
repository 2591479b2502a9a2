import pytest

from stresser.model.ending import Kind
from tests.analysis.diagnosis import situations as of

SENTENCES = [
    (lambda: of.idle_killer(Kind.TCP_FIN),
     ("Through sus, every session that was silent for 4.01 s was ended by a TCP FIN (36 of 36);"
     " through ctl none of 12 was; 12 sessions that ping every 1 s lived on.")),
    (of.endpoint_resets_one_egress,
     ("Through sus, every session was reset at one moment, 00:00:07 UTC (25 of 25); through ctl"
      " none of 25 was.")),
    (of.hung_endpoint,
     ("Through all egresses to server, every session stopped answering, while its TCP went on in an"
     " outage, between 00:00:04 and 00:00:09 UTC (40 of 40); to other none of 40 was.")),
    (of.ceiling,
     ("Through sus, never more than 20 sessions were open: every further attempt failed while they"
      " lived (30).")),
    (of.handshake_hangs,
     ("Through sus, 20 attempts failed: the ClientHello had no answer; through ctl none of 10"
     " did.")),
]  # fmt: skip


@pytest.mark.parametrize(("made", "says"), SENTENCES)
def test_one_sentence_says_what_happened_to_how_many_and_to_how_many_not(made, says):
    assert made().only().says == says
