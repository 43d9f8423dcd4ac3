"""`call_details`: where an outbound call stands, as Plum says it (docs/compatibility/fuse-call-status.md).

The types are those of the documented sample: most numbers are strings, event timestamps and the duration are not.
"""

from callwright.base.values import Value
from callwright.store.outbound import OutboundRow


def as_plum(call: OutboundRow) -> dict[str, Value]:
    """In the order of the sample's keys. Times of the schedule until the call connects, the real ones after that."""
    connected = call.connected_at is not None
    start_at, end_at = (call.connected_at, call.ended_at) if connected else (call.start_at, call.end_at)
    return {
        "max_attempts": str(call.max_attempts),
        "attempts": str(call.attempts),
        "events": [{"event": event, "timestamp": int(at)} for event, at in call.events],
        "phone_number": call.phone_number,
        "status": call.status,
        "queued_timestamp": str(int(call.queued_at)),
        "start_timestamp": _seconds(start_at),
        "end_timestamp": _seconds(end_at),
        "reattempt_wait": str(call.reattempt_wait_s),
        "duration": _duration_s(call),
    }


def _seconds(at: float | None) -> str:
    return "" if at is None else str(int(at))


def _duration_s(call: OutboundRow) -> int:
    if call.connected_at is None or call.ended_at is None or call.status != "completed":
        return 0
    return int(call.ended_at) - int(call.connected_at)


RESULTS = {"completed": "completed", "canceled": "canceled"}
"DEV's words for how a call ended; all others were dialled, or should have been, and not answered."


def as_dev(call: OutboundRow) -> dict[str, Value]:
    """What a DEV `result_url` is told of a call that is over (docs/compatibility/dev-queue-call.md)."""
    attempted = [at for event, at in call.events if event == "dialing"]
    return {
        "phone_number": call.phone_number,
        "message_reference": call.message_reference,
        "call_id": str(call.id),
        "result": RESULTS.get(call.status, "failed"),
        # Where nobody has answered there is nobody to be known.
        "callee_type": call.callee_type or "unknown",
        "attempts": str(call.attempts),
        "last_attempt_timestamp": str(int(attempted[-1])) if attempted else "0",
        "duration": str(_duration_s(call)),
    }


def posted(call: OutboundRow) -> dict[str, Value]:
    """The fields of the call's result_url post."""
    return as_dev(call) if call.start_url else {"call_id": call.id, **as_plum(call)}


def as_form(fields: dict[str, Value]) -> list[tuple[str, str]]:
    """The fields of a result_url post as a form, nested as PHP's http_build_query does."""
    return [pair for name, value in fields.items() for pair in _flat(name, value)]


def _flat(name: str, value: Value) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in _flat(f"{name}[{key}]", item)]
    if isinstance(value, list):
        return [pair for at, item in enumerate(value) for pair in _flat(f"{name}[{at}]", item)]
    return [(name, "" if value is None else str(value))]
