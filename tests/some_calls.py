"""Calls of each direction in an account's lists, as engines write them."""

import time

from callwright.services import calls, engines
from callwright.services.calls import CallBatch
from callwright.session.codec import encode_entry
from callwright.session.commands import Log
from callwright.session.run import Entry, ModuleRef
from callwright.store.calls import CallError, ClosedCall, OpenedCall


async def some_calls(db, world) -> None:
    """One of each direction, with a log and an error."""
    now = float(int(time.time()))
    engine = (await engines.register(db, "test", now)).id
    ids = await calls.reserve_ids(db, 3)
    batch = CallBatch()
    for n, (call_id, direction) in enumerate(zip(ids, ("inbound", "outbound", "transfer"), strict=True)):
        at = now - 100 - n
        who = {
            "account_id": world.scope.account_id,
            "user_id": world.scope.user_id,
            "session_id": f"30006{n};00{n};{int(at) - 10}",
            "direction": direction,
            "src": "Outbound" if direction == "outbound" else "2125551234",
            "dest": world.number if direction == "inbound" else "16175551234",
            "number": world.number if direction == "inbound" else "16175551234",
        }
        batch.opened.append(
            OpenedCall(
                id=call_id,
                application_id=world.application_id,
                deployment_id=world.deployment_id,
                version_id=1,
                outbound_call_id=None,
                engine_id=engine,
                sip_call_id="x@y",
                started_at=at,
                **who,
            )
        )
        entry = encode_entry(Entry(at, ModuleRef("Main", "start", "start"), Log("Began"))).decode()
        batch.events.append((call_id, 0, at, entry))
        batch.errors.append(
            CallError(call_id=call_id, seq=0, at=at, message="ReferenceError: d is not defined line 1", **who)
        )
        batch.closed.append(ClosedCall(call_id, at + 75, "exit", "", ""))
    await calls.write(db, batch)
