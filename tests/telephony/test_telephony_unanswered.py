"""What a caller is told that was not answered, because nobody answered for whom it called."""

import pytest

from callwright.telephony.unanswered import passed

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (486, 486),
        (404, 404),
        (484, 484),
        (480, 480),
        (408, 480),
        (603, 603),
        (600, 600),
        (500, 500),
        (503, 500),
        (0, 480),
        (401, 403),
        (407, 403),
        (302, 480),
        (420, 480),
        (422, 480),
        (481, 480),
        (513, 480),
    ],
)
def test_what_concerns_our_call_is_not_the_callers(status: int, told: int) -> None:
    assert passed(status) == told
