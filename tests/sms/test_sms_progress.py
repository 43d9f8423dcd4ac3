"""Receipts in any order come to the same end; the words that stop texts."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.sms import keywords
from callwright.sms.progress import DELIVERIES, risen, shown, total_delivery, total_status

pytestmark = pytest.mark.pure

_RECEIPTS = st.lists(st.sampled_from(DELIVERIES), max_size=6)


def _after(receipts):
    known = ""
    for told in receipts:
        known = risen(known, told)
    return known


@given(_RECEIPTS, st.randoms(use_true_random=False))
def test_order_and_doubles_make_no_difference(receipts, chance):
    end = _after(receipts)
    again = receipts * 2
    chance.shuffle(again)
    assert _after(again) == end
    assert end == ("delivered" if "delivered" in receipts else end)


def test_a_handset_that_has_got_it_is_not_undone():
    for order in permutations(["unconfirmed", "undelivered", "delivered"]):
        assert _after(order) == "delivered"


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        (["sent", "sent"], "sent"),
        (["sent", "queued"], "queued"),
        (["sent", "sending"], "queued"),
        (["sent", "failure"], "failure"),
        (["failure", "queued"], "queued"),
        (["received"], "received"),
    ],
)
def test_the_status_of_a_text_in_parts(parts, status):
    for order in permutations(parts):
        assert total_status(order) == status


@pytest.mark.parametrize(
    ("parts", "delivery"),
    [
        (["delivered", "delivered"], "delivered"),
        (["delivered", ""], ""),
        (["delivered", "unconfirmed"], "unconfirmed"),
        (["delivered", "undelivered"], "undelivered"),
        (["unconfirmed", "undelivered"], "undelivered"),
        (["", "unconfirmed"], "unconfirmed"),
        ([""], ""),
    ],
)
def test_the_delivery_of_a_text_in_parts(parts, delivery):
    for order in permutations(parts):
        assert total_delivery(order) == delivery


def test_clients_see_a_claimed_message_as_queued():
    assert shown("sending") == "queued" and shown("sent") == "sent"


def test_no_part():
    with pytest.raises(ValueError, match="at least one part"):
        total_status([])


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        *(
            (word, "stop")
            for word in ("STOP", "cancel", " End ", "quit\n", "StopAll", "UNSUBSCRIBE", "revoke", "OPTOUT")
        ),
        *((word, "start") for word in ("START", "unstop", " yes")),
        *((word, "help") for word in ("HELP", "info")),
        *((word, None) for word in ("", "STOP IT", "please stop", "S T O P", "stop.", "OPT OUT", "yes!", "HELPME")),
    ],
)
def test_keywords(body, asked):
    assert keywords.keyword(body) == asked
    assert asked is None or keywords.ANSWERS[asked]
