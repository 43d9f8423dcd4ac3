"""Times as people write them (docs/compatibility/dev-queue-call.md)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callwright.web.plum.natural_times import TEXT_MAX, parse

pytestmark = pytest.mark.pure

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 25, 16, 0, tzinfo=ZONE)
"A Wednesday."


def _parse(text: str, now: datetime = NOW) -> str | None:
    found = parse(text, now.timestamp(), ZONE)
    return None if found is None else datetime.fromtimestamp(found, ZONE).strftime("%Y-%m-%d %H:%M:%S %z")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        # As Plum's page has them.
        ("now", "2026-11-25 16:00:00 -0500"),
        ("+3 days", "2026-11-28 16:00:00 -0500"),
        ("oct 14th, 2011 11:05PM EST", "2011-10-15 00:05:00 -0400"),
        # Zones: what is written counts, in summer and in winter.
        ("oct 14th, 2031 11:05PM EDT", "2031-10-14 23:05:00 -0400"),
        ("2026-11-30T15:00:00Z", "2026-11-30 10:00:00 -0500"),
        ("2026-11-30T15:00:00-05:00", "2026-11-30 15:00:00 -0500"),
        ("2026-11-30 15:00 PST", "2026-11-30 18:00:00 -0500"),
        ("Thu, 21 Dec 2026 16:01:07 +0200", "2026-12-21 09:01:07 -0500"),
        # Hours that a clock skips, or has twice.
        ("mar 14 2027 2:30am", "2027-03-14 03:30:00 -0400"),
        ("nov 1 2026 1:30am", "2026-11-01 01:30:00 -0400"),
        # Counted from now, each term with its sign, one without is after.
        ("3 days", "2026-11-28 16:00:00 -0500"),
        ("in 5 minutes", "2026-11-25 16:05:00 -0500"),
        ("3 days ago", "2026-11-22 16:00:00 -0500"),
        ("-3 days", "2026-11-22 16:00:00 -0500"),
        ("+1 week 2 days 4 hours 2 seconds", "2026-12-04 20:00:02 -0500"),
        ("now + 3 days", "2026-11-28 16:00:00 -0500"),
        ("+3 days 5pm", "2026-11-28 17:00:00 -0500"),
        ("+1 month", "2026-12-25 16:00:00 -0500"),
        ("jan 31 +1 month", "2027-03-03 00:00:00 -0500"),
        ("oct 14 2027 5pm +2 hours", "2027-10-14 19:00:00 -0400"),
        # The next one to come.
        ("tomorrow 9am", "2026-11-26 09:00:00 -0500"),
        ("3pm", "2026-11-26 15:00:00 -0500"),
        ("20:00", "2026-11-25 20:00:00 -0500"),
        ("3pm EST", "2026-11-26 15:00:00 -0500"),
        ("friday", "2026-11-27 00:00:00 -0500"),
        ("wed 3pm EST", "2026-12-02 15:00:00 -0500"),
        ("1/1", "2027-01-01 00:00:00 -0500"),
        # The month first with slashes, second with dots and dashes.
        ("10/11/2026 4pm", "2026-10-11 16:00:00 -0400"),
        ("10.11.2026 16:00", "2026-11-10 16:00:00 -0500"),
        ("10-11-2026 16:00", "2026-11-10 16:00:00 -0500"),
        ("2026-10-11 16:00", "2026-10-11 16:00:00 -0400"),
        ("@1700000000", "2023-11-14 17:13:20 -0500"),
        ("  OCT  14TH,\t2031 11:05PM ", "2031-10-14 23:05:00 -0400"),
    ],
)
def test_times(text, moment):
    assert _parse(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "never", "soon", "two days", "a", "1", "11", "2026", "may", "25:00", "+3 days 25:00"),
        *("feb 30 2027", "13/14/2026", "31/12/2026", "12-31-2026", "2026-13-01", "2027/13/05", "20261130T150000"),
        *("1700000000", "0", "@", "@-1", "+99999999 days", "+999999 years", "in 999999 years", "3 days 4"),
        *(
            "'; DROP TABLE outbound_calls; --",
            "{{ now }}",
            "三日後",
            "oct 14th, 2031 11:05PM\0",
            "+3 days" + " " * 3 + "x",
        ),
        *("1" * TEXT_MAX, "oct 1 " * 20, ":" * TEXT_MAX, "+1 day " * 200),
        "oct 14th, 2031 11:05PM America/Nowhere",
    ],
)
def test_no_times(text):
    assert _parse(text) is None


@given(st.text(max_size=TEXT_MAX + 20))
@example("１２:３０")
def test_any_text_is_a_time_or_none(text):
    found = parse(text, NOW.timestamp(), ZONE)
    assert found is None or 0 <= found < 253_402_300_800


@settings(max_examples=50)
@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1)),
    st.sampled_from([("EST", -5), ("EDT", -4), ("CST", -6), ("PST", -8), ("UTC", 0), ("GMT", 0)]),
    st.sampled_from(
        [
            "%b %d, %Y %I:%M%p",
            "%B %d %Y %I:%M %p",
            "%Y-%m-%d %H:%M",
            "%m/%d/%Y %H:%M",
            "%d.%m.%Y %H:%M",
            "%d %b %Y %H:%M",
        ]
    ),
)
def test_a_written_moment_is_read_as_it_was_meant(moment, zone, form):
    name, hours = zone
    meant = moment.replace(second=0, microsecond=0, tzinfo=UTC) - timedelta(hours=hours)
    assert parse(f"{moment.strftime(form)} {name}", NOW.timestamp(), ZONE) == max(meant.timestamp(), 0)


@given(st.integers(-5000, 5000), st.integers(0, 999_999), st.integers(0, 999_999))
def test_terms_add_up(days, minutes, seconds):
    text = f"{'+' if days >= 0 else '-'}{abs(days)} days {minutes} minutes {seconds} seconds"
    expected = (NOW + timedelta(days=days)).timestamp() + minutes * 60 + seconds
    assert parse(text, NOW.timestamp(), ZONE) == expected
