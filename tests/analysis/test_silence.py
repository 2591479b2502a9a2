from stresser.analysis.silence import common_kind, shared_silence
from stresser.model.ending import Kind
from tests.analysis.sides_story import HOUR, VPN, incident_story, recorded_sides
from tests.analysis.story import seconds


def test_most_incidents_followed_one_silence(tmp_path):
    story = incident_story(vpn=12, silence=300, size=2)
    for at, silence in ((500, 3), (900, 71)):
        story.drops(story.opens(VPN, at - silence - 1), at, idle=silence)
    _, vpn = recorded_sides(tmp_path, story)
    found = shared_silence(vpn)
    assert found is not None
    assert (found.of, found.incidents) == (12, 14)
    assert found.words == "5 m"
    assert common_kind(found.drops) == "a TCP reset"


def test_the_spread_is_told(tmp_path):
    story = incident_story(direct=0, vpn=0)
    for number in range(9):
        silence = 298 + number * 0.5
        at = 400 * (number + 1)
        story.drops(story.opens(VPN, at - silence), at, idle=silence)
    _, vpn = recorded_sides(tmp_path, story)
    found = shared_silence(vpn)
    assert found is not None
    assert found.words == "300 +/- 2 s"


def test_scattered_silences_are_none(tmp_path):
    story = incident_story(direct=0, vpn=0)
    for number in range(12):
        silence = 3 * 1.6**number
        at = 500 * (number + 1) + silence
        story.drops(story.opens(VPN, at - silence), at, idle=silence)
    _, vpn = recorded_sides(tmp_path, story)
    assert shared_silence(vpn) is None


def test_four_incidents_or_silent_deaths_make_no_pattern(tmp_path):
    few, silent = incident_story(vpn=4, silence=300), incident_story(vpn=0)
    for number in range(9):
        at = 400 * (number + 1)
        story_session = silent.opens(VPN, at - 300)
        silent.drops(story_session, at, Kind.UNRESPONSIVE, idle=300)
    assert shared_silence(recorded_sides(tmp_path, few)[1]) is None
    (tmp_path / "b").mkdir()
    assert shared_silence(recorded_sides(tmp_path / "b", silent)[1]) is None
    assert seconds(HOUR) == 3_600_000_000_000


def test_drops_of_several_kinds_have_no_common_one(tmp_path):
    story = incident_story(direct=0, vpn=0)
    for number in range(8):
        at, kind = 400 * (number + 1), Kind.TCP_RESET if number % 2 else Kind.TCP_FIN
        story.drops(story.opens(VPN, at - 60), at, kind, idle=60)
    found = shared_silence(recorded_sides(tmp_path, story)[1])
    assert found is not None
    assert common_kind(found.drops) is None
