"""Fuse: queueing calls one by one and by file, their status, and taking them back.

What a wrong server might dial is queued for tomorrow, to the number that was allowed, and cancelled in the end. Rules
without leave to queue send nothing that any server could dial.
"""

from typing import Any

from callwright.conformance.rule import expect, rule
from callwright.conformance.target import Target, read_json, read_xml, shown

STATUS_KEYS = [
    "max_attempts",
    "attempts",
    "events",
    "phone_number",
    "status",
    "queued_timestamp",
    "start_timestamp",
    "end_timestamp",
    "reattempt_wait",
    "duration",
]
NUMBERS = {"events": list, "duration": int}
"The types of the sample: everything else is a string."


def _refusal(told: Any) -> bool:
    return isinstance(told, dict) and list(told) == ["error"] and isinstance(told["error"], str)


@rule("fuse-queue-call", "deployment")
async def phone_number_is_required(t: Target) -> None:
    """A call without a number, or to what is none, is refused with 400"""
    path = t.of_deployment("queue")
    for number in (None, "", "123", "not-a-number", "tel:", ";ani=8009957586"):
        files = {"max_attempts": (None, "1")} | ({} if number is None else {"phone_number": (None, number)})
        reply = await t.fuse("POST", path, files=files)
        expect(reply.status_code == 400 and _refusal(read_json(reply)), f"{number!r}: {shown(reply)}")


@rule("fuse-queue-calls", "deployment")
async def csv_is_required(t: Target) -> None:
    """A file that is missing is refused with 400"""
    reply = await t.fuse("POST", t.of_deployment("bulk_queue"), files={"max_attempts": (None, "1")})
    expect(reply.status_code == 400 and _refusal(read_json(reply)), shown(reply))


@rule("fuse-queue-calls", "deployment")
async def a_wrong_csv_is_refused(t: Target) -> None:
    """A file whose first column is not destination, or with an invalid row, is refused with 400"""
    for csv in ("phone\nx\n", "", "destination\n123\n", "destination,name\nx,Ann\n"):
        reply = await t.bulk(csv)
        expect(reply.status_code == 400 and _refusal(read_json(reply)), f"{csv!r}: {shown(reply)}")


@rule("fuse-queue-calls", "deployment", inferred=True)
async def a_wrong_csv_names_its_line(t: Target) -> None:
    """The refusal of a file names the line of the first bad row"""
    told = read_json(await t.bulk("\ufeffdestination,note\r\n\r\nx,1\r\n"))
    expect("line 3" in told["error"], f"{told}")


@rule("fuse-queue-calls", "deployment", inferred=True)
async def a_file_is_multipart(t: Target) -> None:
    """A body of another media type is refused with 415"""
    reply = await t.fuse(
        "POST", t.of_deployment("bulk_queue"), content=b"destination\nx\n", headers={"Content-Type": "text/csv"}
    )
    expect(reply.status_code == 415, shown(reply))


@rule("fuse-queue-call", "number")
async def queue_answers_with_an_id(t: Target) -> None:
    """A queued call is answered with 200, its call_id as a number, and Link to its status"""
    reply = await t.queue()
    told = read_json(reply)
    expect(reply.status_code == 200 and list(told) == ["call_id"] and type(told["call_id"]) is int, shown(reply))
    link = reply.headers.get("link", "")
    expect(f"/api/outbound/{told['call_id']}>" in link, f"Link is {link or 'missing'}")


@rule("fuse-queue-call", "number", inferred=True)
async def queue_answers_in_xml(t: Target) -> None:
    """In XML the answer is result, call_id; the status link has the relation status"""
    reply = await t.queue(xml=True)
    root = read_xml(reply)
    expect(root.tag == "result" and (root.findtext("call_id") or "").isdigit(), shown(reply))
    expect(reply.headers.get("link", "").endswith('>; rel="status"'), f"Link is {reply.headers.get('link')}")


@rule("fuse-queue-call", "number")
async def numbers_may_have_parameters(t: Target) -> None:
    """tel:, +, ;ani= and ;postd= are taken in any combination"""
    digits = t.number.removeprefix("tel:").partition(";")[0]
    for number in (
        digits,
        f"tel:{digits}",
        f"{digits};ani=8009957586",
        f"{digits};postd=2",
        f"tel:{digits};ani=8009957586;postd=2",
    ):
        reply = await t.queue(number)
        expect(reply.status_code == 200 and "call_id" in read_json(reply), f"{number}: {shown(reply)}")


@rule("fuse-queue-call", "number")
async def fields_have_their_limits(t: Target) -> None:
    """max_attempts is 1 to 10, reattempt_wait 60 to 86400 and needed above one attempt; others are refused with 400"""
    for fields in (
        {"max_attempts": "0"},
        {"max_attempts": "11", "reattempt_wait": "60"},
        {"max_attempts": "x"},
        {"max_attempts": "2"},
        {"max_attempts": "2", "reattempt_wait": "59"},
        {"max_attempts": "2", "reattempt_wait": "86401"},
        {"is_pci": "2"},
        {"metadata": "{"},
        {"metadata": "[]"},
        {"start_timestamp": "soon"},
        {"end_timestamp": "1"},
    ):
        reply = await t.queue(fields=fields)
        expect(reply.status_code == 400 and _refusal(read_json(reply)), f"{fields}: {shown(reply)}")


@rule("fuse-queue-call", "number")
async def limits_themselves_are_taken(t: Target) -> None:
    """Ten attempts, and waits of 60 and of 86400 seconds, are taken"""
    for attempts, wait in (("10", "60"), ("2", "86400"), ("1", "60")):
        reply = await t.queue(
            fields={"max_attempts": attempts, "reattempt_wait": wait, "metadata": '{"first_name":"Ann"}'}
        )
        taken = reply.status_code == 200 and "call_id" in read_json(reply)
        expect(taken, f"{attempts} attempts, {wait} s: {shown(reply)}")


async def _status(t: Target, call_id: int) -> dict[str, Any]:
    reply = await t.fuse("GET", f"/api/outbound/{call_id}")
    expect(reply.status_code == 200, shown(reply))
    told = read_json(reply)
    expect(list(told) == ["call_details"], f"keys are {list(told)}")
    details: dict[str, Any] = told["call_details"]
    return details


@rule("fuse-call-status", "number")
async def status_has_its_keys_and_types(t: Target) -> None:
    """call_details has the sample's keys in their order and its types; a waiting call is queued"""
    call_id = read_json(await t.queue(fields={"max_attempts": "2", "reattempt_wait": "300"}))["call_id"]
    details = await _status(t, call_id)
    expect(list(details) == STATUS_KEYS, f"keys are {list(details)}")
    for key, value in details.items():
        expect(type(value) is NUMBERS.get(key, str), f"{key} is {value!r}")
    known = (details["status"], details["attempts"], details["max_attempts"], details["reattempt_wait"])
    expect(known == ("queued", "0", "2", "300"), f"{details}")
    (event,) = details["events"]
    expect(list(event) == ["event", "timestamp"] and type(event["timestamp"]) is int, f"{event}")
    expect(event["event"] == "queued", f"{event}")


@rule("fuse-call-status", "number")
async def status_in_xml(t: Target) -> None:
    """In XML the events of call_details are items"""
    call_id = read_json(await t.queue())["call_id"]
    root = read_xml(await t.fuse("GET", f"/api/outbound/{call_id}", xml=True))
    expect([root.tag, root[0].tag] == ["result", "call_details"], f"<{root.tag}>")
    expect([child.tag for child in root[0]] == STATUS_KEYS, f"{[child.tag for child in root[0]]}")
    expect(root.findtext("call_details/events/item/event") == "queued", "no event queued")


@rule("fuse-queue-calls", "number", inferred=True)
async def a_file_becomes_calls_in_its_order(t: Target) -> None:
    """A file is answered with 200 and call_ids in the order of its rows"""
    numbers = [t.number, f"tel:{t.number}" if not t.number.startswith("tel:") else t.number]
    rows = "".join(f'"{number}","Smith, jr."\r\n' for number in numbers)
    reply = await t.bulk(f'\ufeff"Destination","last_name"\r\n{rows}')
    expect(reply.status_code == 200, shown(reply))
    told = read_json(reply)
    expect(list(told) == ["call_ids"] and len(told["call_ids"]) == len(numbers), f"{told}")
    for call_id, number in zip(told["call_ids"], numbers, strict=True):
        expect((await _status(t, call_id))["phone_number"] == number, f"call {call_id} is to another number")


@rule("fuse-queue-calls", "number", inferred=True)
async def a_file_is_taken_whole_or_not_at_all(t: Target) -> None:
    """A file with one bad row after good ones is refused, and names that row"""
    reply = await t.bulk(f"destination\n{t.number}\n{t.number}\nx\n")
    expect(reply.status_code == 400 and "line 4" in read_json(reply)["error"], shown(reply))


@rule("fuse-cancel", "number")
async def cancel_takes_back_what_waits(t: Target) -> None:
    """Cancelling is answered with 202 and no body, also where nothing waits; the calls are canceled"""
    call_id = read_json(await t.queue())["call_id"]
    for _ in range(2):
        reply = await t.cancel()
        expect(reply.status_code == 202 and not reply.content, shown(reply))
    details = await _status(t, call_id)
    events = [event["event"] for event in details["events"]]
    expect((details["status"], events) == ("canceled", ["queued", "canceled"]), f"{details['status']}, {events}")
