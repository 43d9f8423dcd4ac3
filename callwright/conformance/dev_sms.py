"""DEV: texts. Nothing here sends one."""

from typing import Any

from callwright.conformance.rule import expect, rule
from callwright.conformance.target import Target, read_json, read_xml, shown

NOBODYS = "phone_number1=2125550198&phone_number2=2125550199"
KEYS = ["sms_message_id", "to", "from", "body", "request_timestamp", "response_timestamp", "result_url", "status"]
LIST_KEYS = ["offset", "limit", "total", "sms_messages"]


async def _result(t: Target, path: str) -> dict[str, Any]:
    reply = await t.dev(path)
    told = read_json(reply)
    expect(list(told) == ["status", "error", "result"], f"keys are {list(told)}")
    expect((told["status"], told["error"]) == ("success", ""), shown(reply))
    result: dict[str, Any] = told["result"]
    return result


async def _refused(t: Target, path: str) -> None:
    told = read_json(await t.dev(path))
    expect(list(told) == ["status", "error"] and told["status"] == "failure", f"{path}: {told}"[:200])


@rule("dev-sms", "dev")
async def sms_refuses_in_its_envelope(t: Target) -> None:
    """Without credentials the SMS API says failure, and Unauthorized access to … service"""
    for service in ("messages", "conversation"):
        told = read_json(await t.ask("GET", f"/ws/sms/{service}.json"))
        expect(told == {"status": "failure", "error": f"Unauthorized access to {service} service"}, f"{told}"[:200])


@rule("dev-sms", "dev")
async def sms_messages_have_their_keys_and_types(t: Target) -> None:
    """messages has offset and limit as numbers, total as text, and each message its keys, all texts"""
    result = await _result(t, "/ws/sms/messages.json?order=desc")
    expect(list(result) == LIST_KEYS, f"keys are {list(result)}")
    expect((result["offset"], result["limit"]) == (0, 50), f"{result['offset']!r}, {result['limit']!r}")
    expect(type(result["total"]) is str and result["total"].isdigit(), f"total is {result['total']!r}")
    for message in result["sms_messages"]:
        expect(list(message) == KEYS, f"keys are {list(message)}")
        expect(all(type(value) is str for value in message.values()), f"{message}")


@rule("dev-sms", "dev")
async def sms_conversations_have_their_keys_and_types(t: Target) -> None:
    """conversation has offset, limit and total as text"""
    result = await _result(t, f"/ws/sms/conversation.json?{NOBODYS}")
    expect(list(result) == LIST_KEYS, f"keys are {list(result)}")
    expect((result["offset"], result["limit"]) == ("0", "50"), f"{result['offset']!r}, {result['limit']!r}")
    expect((result["total"], result["sms_messages"]) == ("0", []), f"{result}"[:200])


@rule("dev-sms", "dev")
async def sms_form_is_of_the_suffix(t: Target) -> None:
    """The suffix of the path chooses XML, whatever Accept says; the envelope is named after the service"""
    for path in ("/ws/sms/messages.xml", f"/ws/sms/conversation.xml?{NOBODYS}"):
        root = read_xml(await t.dev(path))
        expect(root.tag == path.rpartition("/")[2].partition(".")[0], f"the root is <{root.tag}>")
        expect([child.tag for child in root] == ["status", "error", "result"], f"{[child.tag for child in root]}")


@rule("dev-sms", "dev")
async def sms_lists_have_their_limits(t: Target) -> None:
    """A limit outside of 50 to 1000, another order or msg_type: failure in the envelope"""
    for query in ("limit=49", "limit=1001", "order=up", "msg_type=all_of_them", "offset=-1"):
        await _refused(t, f"/ws/sms/messages.json?{query}")


@rule("dev-sms", "dev")
async def sms_number_type_goes_with_its_number(t: Target) -> None:
    """number_type is needed with phone_number and one direction, and only then"""
    for query in (
        "msg_type=inbound&phone_number=2125550199",
        "number_type=account",
        "msg_type=inbound&number_type=customer",
    ):
        await _refused(t, f"/ws/sms/messages.json?{query}")


@rule("dev-sms", "dev", inferred=True)
async def sms_conversations_have_two_numbers(t: Target) -> None:
    """A conversation without one of its numbers, and a message that is not there: failure in the envelope"""
    await _refused(t, "/ws/sms/conversation.json?phone_number1=2125550199")
    await _refused(t, f"/ws/sms/status.json/{'0' * 32}")


@rule("dev-sms", "dev", inferred=True)
async def sms_without_its_fields_is_not_queued(t: Target) -> None:
    """A text to nobody, from nobody or without words is a failure in the envelope"""
    reply = await t.ask("POST", "/ws/sms/queue.json", auth=(t.dev_login, t.dev_password), data={"body": ""})
    told = read_json(reply)
    expect(list(told) == ["status", "error"] and told["status"] == "failure", shown(reply))
