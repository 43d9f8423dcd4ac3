"""What a SIP status means for an attempt: which are dialled again, and which answer is final."""

import pytest

from callwright.services.dialing import ending_of

pytestmark = pytest.mark.pure

ENDINGS = {
    "busy": (486, 600),
    "no_answer": (408, 480, 487),
    "congestion": (500, 502, 503, 504, 580),
    "failed": (481, 482, 483, 491, 513, 555),
    "rejected": (
        *(300, 302, 380, 400, 401, 402, 403, 404, 405, 406, 407, 410, 413, 414, 415, 416, 420, 421, 422, 428, 433, 436),
        *(484, 485, 488, 493, 499, 501, 505, 603, 604, 606, 607, 608),
    ),
}


@pytest.mark.parametrize(("ending", "statuses"), ENDINGS.items())
def test_each_status(ending: str, statuses: tuple[int, ...]) -> None:
    assert {ending_of(status) for status in statuses} == {ending}


def test_a_peer_that_said_nothing_is_not_there() -> None:
    assert ending_of(408, heard=False) == "unreachable"
