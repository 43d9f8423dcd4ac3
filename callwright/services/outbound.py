"""Outbound calls: queue, cancel, and say where they stand."""

import asyncio
import collections
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

from callwright.base import phone_numbers
from callwright.base.contacts import Contact, read
from callwright.base.errors import Forbidden, NotFound, RequestError
from callwright.base.values import Value
from callwright.services import accounts, phones
from callwright.sip import custom_headers
from callwright.store import outbound as store
from callwright.store.database import Connection, Database
from callwright.store.deployments import DeploymentRow
from callwright.store.gathering import gathered
from callwright.store.outbound import AttemptRow, Document, NewCall, OutboundRow
from callwright.store.scope import PLATFORM, Scope, reaches

BATCH = 1_000
"Calls of a file in one statement: more saves no time, and each takes memory here and in the database."


async def queue_call(db: Database, scope: Scope, deployment: DeploymentRow, call: NewCall) -> int:
    """Queue one call for a deployment of one's own (`deployments.for_outbound`). Returns its id.

    Raises `Forbidden` for `is_pci` where the account was not granted the secure environment: a call that was meant for
    it must not run outside of it. `RequestError` where it is to a telephone that the account does not have, or has header fields
    that are not its to give.
    """
    await _check_allowed(db, scope, call)
    _check_headers(call.sip_headers)
    if phone_numbers.is_telephone(call.number.dialled):
        name = call.number.dialled.removeprefix(phone_numbers.TELEPHONE).partition("@")[0]
        phone_id = await phones.find(db, scope, name)
        if phone_id is None:
            raise RequestError(400, f"The account has no phone {name}.", field="to")
        call = replace(call, phone_id=phone_id)
    return await gathered(db, _insert, (scope, deployment), call)


async def _insert(db: Database, whose: tuple[Scope, DeploymentRow], calls: Sequence[NewCall]) -> Sequence[int]:
    return await store.insert(db, *whose, calls, time.time())


async def queue_calls(
    db: Database,
    scope: Scope,
    deployment: DeploymentRow,
    file: BinaryIO,
    like: Callable[[Contact], NewCall],
    *,
    confirm: Callable[[], Awaitable[None]],
) -> list[int]:
    """Queue the calls that `like` makes of a file's contacts (`base/contacts.py`), all in one transaction or none.

    Returns their ids in the order of the rows. The file is read twice, in a thread: first to check it, so that a bad
    row costs the database nothing; then to queue it, a batch at a time, so that memory does not grow with it. After
    each batch `confirm` is awaited: what it raises undoes everything.

    Raises `ContactsError`, and `Forbidden` as `queue_call` does.
    """
    await check_file(db, scope, file, like)
    async with db.transaction() as connection:
        return await insert_file(connection, scope, deployment, file, like, confirm=confirm)


async def check_file(db: Database, scope: Scope, file: BinaryIO, like: Callable[[Contact], NewCall]) -> None:
    """The first reading of `queue_calls`."""
    await _check_allowed(db, scope, like(await asyncio.to_thread(_last, file)))


async def insert_file(
    connection: Connection,
    scope: Scope,
    runs: DeploymentRow | Document,
    file: BinaryIO,
    like: Callable[[Contact], NewCall],
    *,
    confirm: Callable[[], Awaitable[None]],
) -> list[int]:
    """The second reading of `queue_calls`, in a transaction."""
    file.seek(0)
    contacts = read(file)

    async def batch() -> list[NewCall]:
        return await asyncio.to_thread(lambda: [like(one) for one in itertools.islice(contacts, BATCH)])

    now = time.time()
    ids: list[int] = []
    calls = await batch()
    while calls:
        # The next ones are read while the database stores these.
        queued, calls = await asyncio.gather(store.insert(connection, scope, runs, calls, now), batch())
        ids += queued
        await confirm()
    return ids


def _last(file: BinaryIO) -> Contact:
    """Reads all of a file of contacts, which has one at least."""
    (last,) = collections.deque(read(file), maxlen=1)
    return last


async def _check_allowed(db: Database, scope: Scope, call: NewCall) -> None:
    if call.is_pci:
        await accounts.require_secure_environment(db, scope)


def _check_headers(fields: Mapping[str, str]) -> None:
    def refused(text: str) -> RequestError:
        return RequestError(400, f"sip_headers {text}.", field="sip_headers")

    if len(fields) > custom_headers.COUNT_MAX:
        raise refused(f"must be at most {custom_headers.COUNT_MAX}")
    if len({name.lower() for name in fields}) < len(fields):
        raise refused("must name each field once")
    for name, value in fields.items():
        if not custom_headers.is_allowed(name):
            raise refused(f"must be User-to-User or begin with X- (letters, digits and dashes), not {name[:64]!r}")
        if not value.isprintable():
            raise refused(f"must be printable, in one line, and {name} is not")
    if custom_headers.are_too_long(fields.values()):
        raise refused(f"must have at most {custom_headers.CHARACTERS_MAX} characters in all")


async def cancel_pending(db: Database, scope: Scope, deployment: DeploymentRow) -> int:
    """Cancel every call of the deployment that is still queued, also one waiting for a retry. Returns how many."""
    return await store.cancel_pending(db, scope, "deployment_id", deployment.id, time.time())


async def details(db: Database, scope: Scope, call_id: int) -> OutboundRow:
    """Where a call stands. Raises `NotFound`; through the Plum door, which documents it so, `Forbidden` where it is another
    user's."""
    found = await store.get(db, PLATFORM, call_id)
    if found is None:
        raise NotFound("outbound call")
    if not reaches(scope, found.account_id, found.user_id):
        raise Forbidden("view this outbound call") if scope.surface == "plum" else NotFound("outbound call")
    return found


async def listed(db: Database, scope: Scope, *, before: int, limit: int) -> list[int]:
    return await store.listed(db, scope, before=before, limit=limit)


async def attempts(db: Database, scope: Scope, call_id: int) -> list[AttemptRow]:
    """What was dialled for a call, oldest first, and how each attempt ended."""
    return await store.attempts(db, scope, call_id)


async def metadata(db: Database, scope: Scope, call_id: int) -> dict[str, Value]:
    """The variables that a call was queued with."""
    return await store.metadata(db, scope, call_id)
