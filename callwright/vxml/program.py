"""A document of somebody's server as a program: fetched when the call has begun, then run.

There is no VoiceXML interpreter yet. `interpret` is where it comes in: it gets the call and the document that was
fetched, and nothing else of this file, or of what calls it, will change.
"""

from callwright.base.errors import AuthorError
from callwright.session.commands import Fetch
from callwright.session.events import Fetched, FetchFailed
from callwright.session.run import Call, ModuleRef, Program

START_URL = ModuleRef("", "start_url", "document")
"Who asks, in the journal."

NO_INTERPRETER = "VoiceXML documents cannot be run yet: the document at start_url was fetched and not run"


def program(start: Fetch) -> Program:
    """Fetches with `start` and runs what comes. A document that does not come is its author's error: logged, and the
    call ends with an apology."""

    async def run(call: Call) -> None:
        call.module = START_URL
        match await call.fetch(start):
            case FetchFailed(reason=reason):
                raise AuthorError(f"start_url cannot be fetched: {reason}")
            case Fetched(status=200) as document:
                await interpret(call, document)
            case Fetched(status=status):
                raise AuthorError(f"start_url answered {status}")

    return run


async def interpret(call: Call, document: Fetched) -> None:
    """Run the document on the call."""
    raise AuthorError(NO_INTERPRETER)
