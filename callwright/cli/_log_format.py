"""The two forms of a log line, and how its level is told from it again."""

import json
import logging
import re

from callwright.base.config import LogFormat
from callwright.base.log_fields import session_id

_PLAIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_LEVELS = "DEBUG|INFO|WARNING|ERROR|CRITICAL"
_LEVEL = re.compile(rf'\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\S* ({_LEVELS}) |\{{"at": [\d.]+, "level": "({_LEVELS})"')


class JsonFormatter(logging.Formatter):
    """An object a line: `at` (UNIX seconds), `level`, `logger`, `message`; `session_id` of a call's; `error` with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "at": round(record.created, 6),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if session := session_id.get():
            fields["session_id"] = session
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def formatter(form: LogFormat) -> logging.Formatter:
    return JsonFormatter() if form == "json" else logging.Formatter(_PLAIN)


def level_of(line: str) -> str | None:
    """The level of a line in either form; None where it is none, such as a line of a traceback."""
    found = _LEVEL.match(line)
    return (found[1] or found[2]) if found else None
