"""Time zones as scripts need them: from when on which offset from UTC holds."""

import json
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC = "UTC"

_FIRST, _LAST = 1970, 2070
"Years whose changes are known to scripts; before and after them the first and the last offset hold."

_STEP = timedelta(days=14)
"No zone changes its offset there and back within so short a time: the shortest is a Ramadan without summer time."


def is_zone(name: str) -> bool:
    """Whether the IANA database has a zone of this name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@lru_cache(maxsize=100)
def offsets(name: str) -> str:
    """[[milliseconds since 1970 from which it holds, milliseconds east of UTC], …] in order, as JSON."""
    zone = ZoneInfo(name)
    at = datetime(_FIRST, 1, 1, tzinfo=ZoneInfo(UTC))
    offset = _offset(at, zone)
    found = [[0, _ms(offset)]]
    while at.year < _LAST:
        following = at + _STEP
        if _offset(following, zone) != offset:
            change = _change(at, following, zone)
            offset = _offset(change, zone)
            found.append([_ms(change - datetime(1970, 1, 1, tzinfo=ZoneInfo(UTC))), _ms(offset)])
            following = change
        at = following
    return json.dumps(found)


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second at which the offset changes between two times."""
    offset = _offset(before, zone)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _offset(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
