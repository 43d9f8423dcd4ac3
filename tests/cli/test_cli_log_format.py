"""Lines of the log, in both forms."""

import json
import logging
import sys

import pytest

from callwright.base.log_fields import session_id
from callwright.cli._log_format import formatter, level_of

pytestmark = pytest.mark.pure


def _record(level: int = logging.WARNING, error: bool = False) -> logging.LogRecord:
    told = None
    if error:
        try:
            raise ValueError("wrong\nin two lines")
        except ValueError:
            told = sys.exc_info()
    return logging.LogRecord("callwright.engine", level, __file__, 1, "call %s\nin two lines", ("ä",), told)


@pytest.mark.parametrize("form", ["plain", "json"])
@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
def test_the_level_is_known_from_the_line(form, level):
    line = formatter(form).format(_record(getattr(logging, level)))
    assert level_of(line) == level


def test_what_is_no_line_has_no_level():
    assert level_of("Traceback (most recent call last):") is level_of('{"level": "ERROR"}') is None


def test_an_object_a_line():
    token = session_id.set("1;2;3")
    try:
        line = formatter("json").format(_record(error=True))
    finally:
        session_id.reset(token)
    assert "\n" not in line and "ä" in line
    told = json.loads(line)
    assert told.pop("at") > 1.7e9
    assert told.pop("error").endswith("ValueError: wrong\nin two lines")
    assert told == {
        "level": "WARNING",
        "logger": "callwright.engine",
        "message": "call ä\nin two lines",
        "session_id": "1;2;3",
    }
    assert "session_id" not in json.loads(formatter("json").format(_record()))
