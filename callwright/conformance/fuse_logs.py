"""Fuse: lists of calls, with details or without, and the log of one."""

import time
from typing import Any

from callwright.conformance.rule import expect, rule
from callwright.conformance.target import Target, read_json, read_xml, shown

CALL_KEYS = ["dest", "src", "start", "end", "session_id", "type", "log"]
DETAILED_KEYS = ["dest", "src", "start", "end", "session_id", "detail"]
TYPES = ("inbound", "outbound", "transfer")
CLASSES = ("info", "event", "debug", "prompt", "error")
FIVE_DAYS_S = 5 * 86_400
YEAR_S = 365 * 86_400


def _since(seconds: int) -> str:
    now = int(time.time())
    return f"{now - seconds}/{now + 1}"


async def _calls(t: Target, query: str = "") -> dict[str, Any]:
    reply = await t.fuse("GET", f"/api/calls/{_since(YEAR_S)}{query}")
    expect(reply.status_code == 200, shown(reply))
    told: dict[str, Any] = read_json(reply)
    expect(list(told) == ["calls", "total_calls"], f"keys are {list(told)}")
    return told


@rule("fuse-call-logs")
async def calls_have_their_keys_and_types(t: Target) -> None:
    """Calls have the documented keys in their order; times are numbers, log is a boolean"""
    told = await _calls(t, "?limit=50")
    expect(type(told["total_calls"]) is int, f"total_calls is {told['total_calls']!r}")
    for call in told["calls"]:
        expect(list(call) == CALL_KEYS, f"keys are {list(call)}")
        texts = [type(call[key]) is str for key in ("dest", "src", "session_id")]
        expect(all(texts) and type(call["start"]) is type(call["end"]) is int, f"types: {call}")
        expect(call["type"] in TYPES and type(call["log"]) is bool, f"type or log: {call}")


@rule("fuse-call-logs")
async def outbound_calls_have_no_source(t: Target) -> None:
    """The source of an outbound call is the word Outbound"""
    for call in (await _calls(t, "?limit=1000"))["calls"]:
        expect((call["src"] == "Outbound") == (call["type"] == "outbound"), f"{call}")


@rule("fuse-call-logs")
async def calls_come_in_pages(t: Target) -> None:
    """limit and offset give a page, newest first; total_calls counts all"""
    first, second = await _calls(t, "?limit=2"), await _calls(t, "?limit=2&offset=1")
    expect(len(first["calls"]) == min(2, first["total_calls"]), f"limit=2 gives {len(first['calls'])} calls")
    starts = [call["start"] for call in first["calls"]]
    expect(starts == sorted(starts, reverse=True), f"starts in this order: {starts}")
    expect(first["calls"][1:2] == second["calls"][:1], "offset=1 begins with another call")
    expect((await _calls(t, "?offset=9999999"))["calls"] == [], "calls beyond the last one")


@rule("fuse-call-logs")
async def calls_of_a_number(t: Target) -> None:
    """number leaves only the calls of that number"""
    told = await _calls(t, "?number=0000000")
    expect(told == {"calls": [], "total_calls": 0}, f"{told}")


@rule("fuse-call-logs")
async def calls_in_xml(t: Target) -> None:
    """In XML calls are items of result/calls, before total_calls"""
    root = read_xml(await t.fuse("GET", f"/api/calls/{_since(YEAR_S)}?limit=2", xml=True))
    expect([root.tag, *(child.tag for child in root)] == ["result", "calls", "total_calls"], f"<{root.tag}>")
    expect((root.findtext("total_calls") or "").isdigit(), "total_calls is no number")
    for call in root[0]:
        expect(call.tag == "item" and [child.tag for child in call] == CALL_KEYS, f"<{call.tag}>")
        expect(call.findtext("log") in ("true", "false"), f"log is {call.findtext('log')}")


@rule("fuse-call-logs", inferred=True)
async def malformed_lists_are_refused(t: Target) -> None:
    """Times that are no numbers, an end before the start, limits outside of 1 to 10000: 400"""
    for what in ("calls", "all_logs"):
        for rest in ("x/1", "0/x", "2/1", "0/1?limit=0", "0/1?limit=10001", "0/1?limit=x", "0/1?offset=-1"):
            reply = await t.fuse("GET", f"/api/{what}/{rest}")
            expect(reply.status_code == 400, f"/api/{what}/{rest}: {shown(reply)}")
        for rest in ("0/1?limit=1", "0/1?limit=10000", "0/1?offset=0"):
            reply = await t.fuse("GET", f"/api/{what}/{rest}")
            expect(reply.status_code == 200, f"/api/{what}/{rest}: {shown(reply)}")


@rule("fuse-all-logs")
async def detailed_calls_have_their_keys_and_types(t: Target) -> None:
    """Calls with details have the documented keys in their order; times are strings"""
    reply = await t.fuse("GET", f"/api/all_logs/{_since(FIVE_DAYS_S)}?limit=20")
    expect(reply.status_code == 200, shown(reply))
    told = read_json(reply)
    expect(list(told)[:1] == ["calls"] and type(told["calls"]) is list, f"keys are {list(told)}")
    for call in told["calls"]:
        expect(list(call)[: len(DETAILED_KEYS)] == DETAILED_KEYS, f"keys are {list(call)}")
        expect(call["start"].isdigit() and call["end"].isdigit(), f"times: {call['start']!r}, {call['end']!r}")
        _check_entries(call["detail"])


@rule("fuse-call-log")
async def a_log_has_its_entries(t: Target) -> None:
    """The log of one call is a bare list of entries; ; is taken raw and as %3B; it is what all_logs gives"""
    listed = read_json(await t.fuse("GET", f"/api/all_logs/{_since(FIVE_DAYS_S)}?limit=1"))["calls"]
    for call in listed:
        session_id = call["session_id"]
        for sent in (session_id, session_id.replace(";", "%3B")):
            reply = await t.fuse("GET", f"/api/call/{sent}")
            expect(reply.status_code == 200, f"{sent}: {shown(reply)}")
            entries = read_json(reply)
            _check_entries(entries)
            expect(entries == call["detail"], f"{sent}: all_logs gives other entries")
        root = read_xml(await t.fuse("GET", f"/api/call/{session_id}", xml=True))
        expect(root.tag == "result" and all(child.tag == "item" for child in root), f"<{root.tag}>")


def _check_entries(entries: Any) -> None:
    expect(type(entries) is list, f"the entries are a {type(entries).__name__}")
    for entry in entries:
        expect(list(entry) == ["event", "class", "timestamp"], f"keys are {list(entry)}")
        expect(entry["class"] in CLASSES and type(entry["timestamp"]) is int, f"{entry}")
        expect(list(entry["event"]) == ["line", "data"] and type(entry["event"]["line"]) is str, f"{entry}")
        expect({"module_type", "result_variable"} <= set(entry["event"]["data"]), f"data: {entry['event']['data']}")
