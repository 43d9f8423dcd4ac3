"""A call, its journal and its errors in the lines of DEV's logs (docs/compatibility/dev-call-logs.md).

Times are in the account's zone with the offset that holds there at that moment.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from callwright.session.lines import lines
from callwright.session.run import Entry
from callwright.store.calls import CallError, CallRow

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"Spelled out: strftime's follow the locale of the process."

MODULES = {
    "play": "prompt",
    "collect": "prompt",
    "record": "prompt",
    "match": "rec",
    "no_match": "rec",
    "no_input": "rec",
    "recorded": "rec",
    "fetch": "inet",
    "fetched": "inet",
    "fetch_failed": "inet",
    "invoke": "inet",
    "invoked": "inet",
    "invoke_failed": "inet",
    "evaluate": "jsi",
    "evaluated": "jsi",
    "evaluation_failed": "jsi",
    "transfer": "tel",
    "transfer_ended": "tel",
    "set_recording": "tel",
    "disconnect": "tel",
    "hung_up": "tel",
    "send": "client",
    "sent": "client",
    "send_failed": "client",
    "log": "log",
}
"The part of the platform that tells of a command or event, in DEV's names; of any other the interpreter, `vxi`."

ENTRY_TYPES = {"info": "EVENT", "event": "EVENT", "prompt": "EVENT", "debug": "DEBUG", "error": "ERROR"}
LOOP = "Maximum loop count exceeded"
DEV_LOOP = "errno: 210 message Maximum loop count exceeded"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads the lines."""

    login: str
    "Stands in the place of the dialled number where the account itself has called."

    zone: ZoneInfo


def session(call: CallRow, reader: Reader) -> str:
    """`calltype ANI channum [timestamp] DNIS sessionID callStart callEnd callLength`."""
    start, end = int(call.started_at), int(call.ended_at or call.started_at)
    minutes, seconds = divmod(max(end - start, 0), 60)
    length = f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    return f"{call.direction} {_between(call, start, reader)} {start} {end} {length}"


def error(found: CallError, reader: Reader) -> str:
    """`error ANI channum [timestamp] DNIS sessionID message`, at the time of the error."""
    message = DEV_LOOP if found.message.startswith(LOOP) else found.message
    return f"error {_between(found, int(found.at), reader)} {message}"


def log(session_id: str, entries: Iterable[Entry], reader: Reader) -> str:
    """`Timestamp [module] (sessionID) entry-type: message`, a line for each event."""
    return "\n".join(
        f"{_long(line.at, reader.zone)} [{MODULES.get(entry.item.type, 'vxi')}] ({session_id}) "
        f"{_entry_type(entry, line.level)}: {' '.join(line.line.split())}"
        for entry in entries
        for line in lines((entry,))
    )


def _between(call: CallRow | CallError, at: int, reader: Reader) -> str:
    """`ANI channum [timestamp] DNIS sessionID`."""
    ani, dnis = (call.dest, reader.login) if call.direction == "outbound" else (call.src, call.dest)
    return f"{_word(ani)} {_channel(call.session_id)} [{_short(at, reader.zone)}] {_word(dnis)} {call.session_id}"


def _word(text: str) -> str:
    """One field of a line whose fields are parted by spaces."""
    return "_".join(text.split()) or "unknown"


def _channel(session_id: str) -> int:
    """Not padded, though it is in the session id."""
    _, _, rest = session_id.partition(";")
    channel, _, _ = rest.partition(";")
    return int(channel) if channel.isdecimal() else 0


def _short(at: int, zone: ZoneInfo) -> str:
    """`03/Nov/2017:14:38:30 -0400`."""
    moment = datetime.fromtimestamp(at, zone)
    return f"{moment.day:02d}/{MONTHS[moment.month - 1]}/{moment:%Y:%H:%M:%S %z}"


def _long(at: int, zone: ZoneInfo) -> str:
    """`Wed 28 Aug 2002 10:16:58 AM EDT`."""
    moment = datetime.fromtimestamp(at, zone)
    half = "AM" if moment.hour < 12 else "PM"
    return (
        f"{DAYS[moment.weekday()]} {moment.day:02d} {MONTHS[moment.month - 1]} {moment.year} "
        f"{(moment.hour + 11) % 12 + 1:02d}:{moment:%M:%S} {half} {moment.tzname()}"
    )


def _entry_type(entry: Entry, level: str) -> str:
    """What an application logs by itself, as DEV's log tag does, is LOCAL."""
    if entry.module is not None and entry.module.type == "call_log" and level != "error":
        return "LOCAL"
    return ENTRY_TYPES[level]
