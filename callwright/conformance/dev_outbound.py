"""DEV outbound. No call is queued: what is sent is wrong in one thing, and its start_url answers nobody."""

from lxml import etree

from callwright.conformance.rule import expect, rule
from callwright.conformance.target import Target, read_xml, shown

SERVICES = ("queuecall", "queuecalls")
NOWHERE = "http://127.0.0.1:9/"
"Port 9 is discard's: nothing listens there, whichever machine it is."

FICTION = "12125550199"


async def _asked(t: Target, service: str, **changed: str) -> "etree._Element":
    """The reply to a request that is right but for what is changed; an empty field is not sent."""
    fields = {"login": t.dev_login, "pin": t.dev_pin, "start_url": NOWHERE, "campaign_name": "conformance"}
    fields |= {"phone_number": FICTION} if service == "queuecall" else {"phone_numbers": f"destination\n{FICTION}\n"}
    tomorrow = t.tomorrow()
    fields |= {"scheduled_timestamp": tomorrow["start_timestamp"], "expiration_timestamp": tomorrow["end_timestamp"]}
    sent = {name: value for name, value in {**fields, **changed}.items() if value}
    return read_xml(await t.ask("POST", f"/webservice/{service}.php", data=sent))


async def _fails(t: Target, service: str, names: str, **changed: str) -> None:
    """One element, of the service's name, with status failed and an error that names the field."""
    root = await _asked(t, service, **changed)
    told = {str(name): str(value) for name, value in root.attrib.items()}
    expect(root.tag == service, f"the root is <{root.tag}>")
    expect(list(told) == ["status", "error"] and told["status"] == "failed", f"{service} with {changed}: {told}")
    expect(names in told["error"], f"{service} with {changed}: the error is {told['error']!r}")


@rule("dev-queue-call", "pin", inferred=True)
async def outbound_wants_its_pin(t: Target) -> None:
    """Without login or PIN both services answer 401, in their element"""
    for service in SERVICES:
        for fields in ({}, {"login": t.dev_login}, {"pin": t.dev_pin}):
            reply = await t.ask("POST", f"/webservice/{service}.php", data=fields)
            expect(reply.status_code == 401, shown(reply))
            root = read_xml(reply)
            expect((root.tag, root.get("status")) == (service, "failed"), shown(reply))


@rule("dev-queue-call", "pin")
async def outbound_wants_a_number(t: Target) -> None:
    """A call without a number, or with what is none, fails"""
    await _fails(t, "queuecall", "phone_number", phone_number="")
    await _fails(t, "queuecall", "phone_number", phone_number="nobody")


@rule("dev-queue-call", "pin")
async def outbound_asks_start_url_first(t: Target) -> None:
    """A start_url that is missing, is no URL or answers nobody: nothing is queued"""
    for service in SERVICES:
        for url in ("", "nowhere", NOWHERE):
            await _fails(t, service, "start_url", start_url=url)


@rule("dev-queue-call", "pin")
async def outbound_fields_have_their_lengths(t: Target) -> None:
    """Fields that are longer than documented fail"""
    for name in ("message_reference", "call_parameters"):
        await _fails(t, "queuecall", name, **{name: "x" * 256})


@rule("dev-queue-call", "pin")
async def outbound_numbers_have_their_ranges(t: Target) -> None:
    """max_retries outside of 0 to 10 and retry_interval outside of 60 to 172800 fail"""
    for service in SERVICES:
        for name, value in (("max_retries", "11"), ("retry_interval", "59"), ("retry_interval", "172801")):
            await _fails(t, service, name, **{name: value})


@rule("dev-queue-call", "pin")
async def outbound_times_in_words(t: Target) -> None:
    """A time in words that is none fails; one that is a time gets past it"""
    await _fails(t, "queuecall", "scheduled_time", scheduled_timestamp="", scheduled_time="the day of judgement")
    await _fails(t, "queuecall", "start_url", scheduled_timestamp="", expiration_timestamp="", scheduled_time="+3 days")


@rule("dev-queue-calls", "pin")
async def campaigns_have_names_and_numbers(t: Target) -> None:
    """A campaign without a name or without numbers fails"""
    await _fails(t, "queuecalls", "campaign_name", campaign_name="")
    await _fails(t, "queuecalls", "phone_numbers", phone_numbers="")
