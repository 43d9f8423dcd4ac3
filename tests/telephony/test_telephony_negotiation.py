"""Who holds whom: what one leg's descriptions say while its own far end, or the other end of a bridge, is on hold."""

import pytest

from callwright.media.codecs.pcmu import Pcmu
from callwright.sip import sdp
from callwright.telephony.negotiation import Negotiation

pytestmark = pytest.mark.pure

TWO_STREAMS = "m=video 0 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 0 97\r\na=rtpmap:97 telephone-event/8000\r\n"


def _theirs(direction: str, media: str = "m=audio 4000 RTP/AVP 0\r\n") -> sdp.Session:
    head = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
    return sdp.parse(f"{head}{media}a={direction}\r\n")


def _direction(description: str) -> str:
    return sdp.audio(sdp.parse(description), sdp.Side("192.0.2.1", 4000)).direction


def _new() -> Negotiation:
    return Negotiation("192.0.2.1", 4000, [Pcmu])


def _talking() -> Negotiation:
    side = _new()
    side.answer(_theirs("sendrecv"))
    return side


def _told(side: Negotiation, direction: str, answer: str) -> str:
    """It is told, and answers; what it was told."""
    assert side.leave(direction)
    offer = side.changed()
    _, agreed = side.answers(_theirs(answer), changed=True)
    assert side.changed() == "" and not side.leave(direction)
    assert agreed.heard == (answer in ("sendrecv", "sendonly") and direction == "sendrecv")
    return _direction(offer)


@pytest.mark.parametrize(
    ("says", "held", "answered"),
    [
        ("sendonly", "sendonly", "recvonly"),
        ("inactive", "inactive", "inactive"),
        ("recvonly", "sendrecv", "sendonly"),
        ("sendrecv", "sendrecv", "sendrecv"),
    ],
)
def test_it_is_put_on_hold_by_an_offer(says, held, answered):
    side = _talking()
    assert _direction(side.answer(_theirs(says))) == answered and side.held == held
    assert not side.leave("sendrecv"), "nobody else holds"


def test_it_is_told_and_told_that_it_is_over():
    side = _talking()
    assert _told(side, "sendonly", "recvonly") == "sendonly" and side.held == "sendrecv"
    assert _told(side, "inactive", "inactive") == "inactive" and side.held == "sendrecv"
    assert _told(side, "sendrecv", "sendrecv") == "sendrecv"


def test_the_same_streams_codecs_and_numbers_are_offered_again():
    side = _new()
    said = side.answer(_theirs("sendrecv", TWO_STREAMS))
    side.leave("sendonly")
    again = side.changed()
    assert again.split("\r\n")[1].split()[2] == "2"
    assert again.replace("sendonly", "sendrecv").split("\r\n")[2:] == said.split("\r\n")[2:]
    _, agreed = side.answers(_theirs("recvonly", TWO_STREAMS), changed=True)
    assert (agreed.event_type, agreed.event_types) == (97, ())


def test_a_refresh_of_one_that_is_held_is_no_hold_of_its_own():
    """Telephones describe themselves as they are: one that was told `inactive` says so."""
    side = _talking()
    _told(side, "inactive", "inactive")
    assert _direction(side.answer(_theirs("inactive"))) == "inactive" and side.held == "sendrecv"
    assert _direction(side.answer(_theirs("sendrecv"))) == "inactive", "which is what is so"
    _told(side, "sendrecv", "sendrecv")
    _told(side, "sendonly", "recvonly")
    assert _direction(side.answer(_theirs("recvonly"))) == "sendonly" and side.held == "sendrecv"


def test_both_hold_and_one_goes_on():
    side = _talking()
    side.answer(_theirs("sendonly"))
    assert _told(side, "sendonly", "inactive") == "sendonly" and side.held == "sendonly"
    assert _direction(side.answer(_theirs("sendrecv"))) == "sendonly" and side.held == "sendrecv"
    assert _told(side, "sendrecv", "sendonly") == "sendrecv" and side.held == "sendonly", "by its answer"


def test_one_that_refuses_is_not_told_again():
    side = _talking()
    assert side.leave("sendonly") and side.changed()
    side.refused()
    assert not side.leave("sendonly") and side.changed() == ""
    assert _direction(side.answer(_theirs("sendrecv"))) == "sendrecv"


def test_one_that_refuses_a_second_hold_is_told_of_the_end_of_the_first():
    side = _talking()
    _told(side, "sendonly", "recvonly")
    assert side.leave("inactive") and side.changed()
    side.refused()
    assert side.leave("inactive") and _direction(side.changed()) == "sendrecv"


def test_who_answers_may_not_have_been_told_what_another_one_was():
    """Somebody that had not answered was told of a hold, and then it rang elsewhere."""
    side = _new()
    offered = side.offer()
    assert _told(side, "sendonly", "recvonly") == "sendonly" and not side.leave("sendonly")
    side.answered_by("what it was told")
    assert not side.leave("sendonly")
    side.answered_by(offered)
    side.answers(_theirs("sendrecv"))
    assert side.leave("sendonly") and _direction(side.changed()) == "sendonly"


def _asked_early() -> tuple[Negotiation, str, str]:
    """Who had not answered offered something itself while the other end held: our offer, and our answer to theirs."""
    side = _new()
    offered = side.offer()
    side.answers(_theirs("sendrecv"))
    side.leave("sendonly")
    answered = side.answer(_theirs("sendrecv", TWO_STREAMS))
    assert _direction(answered) == "sendonly" and not side.leave("sendonly")
    return side, offered, answered


def test_who_learnt_of_a_hold_by_our_answer_learns_of_its_end():
    side, _, answered = _asked_early()
    side.leave("sendrecv")
    side.answered_by(answered)
    assert _direction(side.changed()) == "sendrecv"


def test_another_one_that_answers_then_has_our_offer_alone():
    side, offered, _ = _asked_early()
    side.answered_by(offered)
    assert side.leave("sendonly")
    told = side.changed()
    assert _direction(told) == "sendonly" and told.count("m=") == 1, "with the streams that it knows"
    side.leave("sendrecv")
    assert side.changed() == ""
