"""Published versions, loaded and compiled once for all calls of the engine. A version never changes, so neither does this."""

from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from callwright.flow.application import build
from callwright.flow.engine import program
from callwright.services import applications
from callwright.session import events
from callwright.session.run import Call
from callwright.store.database import FAILURES, Database
from callwright.store.scope import PLATFORM

KEPT_MAX = 500
"Compiled versions kept; the least recently used goes first."


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a call runs, ready: a published version, or a document."""

    name: str
    program: Callable[[Call], Coroutine[Any, Any, None]]


class Applications:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: OrderedDict[int, Loaded] = OrderedDict()

    async def other(self, account_id: int, application: str, version: int | None) -> events.Loaded | events.LoadFailed:
        """The application that a running one goes to: of the same account, by its name or its id. The caller sets `now`."""
        try:
            found = await applications.published(self._db, account_id, application, version)
        except FAILURES as error:
            return events.LoadFailed(0, f"the database did not answer: {error}")
        if found is None:
            which = f"version {version}" if version else "published version"
            return events.LoadFailed(0, f"the account has no application {application!r} with a {which}")
        return events.Loaded(0, application, found.number, found.document)

    async def load(self, version_id: int) -> Loaded:
        """Raises `AuthorError` where the stored document is no longer valid, `RequestError` where it is gone."""
        kept = self._kept.get(version_id)
        if kept is not None:
            self._kept.move_to_end(version_id)
            return kept
        version = await applications.version_document(self._db, PLATFORM, version_id)
        application = build(version.document)
        loaded = Loaded(application.name, program(application, str(version.number)))
        self._kept[version_id] = loaded
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return loaded
