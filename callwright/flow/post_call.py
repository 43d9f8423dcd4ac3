"""The post-call web service: what is told to a web service when a call has ended, however it ended."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from callwright.flow.modules.call_recording import keep
from callwright.flow.modules.rest import Rest
from callwright.flow.modules.soap import Soap, soap_request
from callwright.session.events import Fetched, Invoked, Recorded
from callwright.session.run import Call, ModuleRef

DELAYS_S = (0.0, 2.0, 10.0)
"Before each try. A service that is down for longer gets nothing; the call's log has every try."

NAME = "post_call"


def _named(value: object) -> object:
    return {"name": NAME, **value} if isinstance(value, dict) else value


PostCall = Annotated[Annotated[Rest | Soap, Field(discriminator="type")], BeforeValidator(_named)]
"A request as the modules `rest` and `soap` have it; it has no exits."


def post_call(service: Rest | Soap) -> Callable[[Call], Coroutine[Any, Any, None]]:
    """The service as the program that runs after the call (`Call.epilogue`)."""

    async def run(call: Call) -> None:
        call.module = ModuleRef("", service.name, service.type)
        await _end_recording(call)
        for number, delay_s in enumerate(DELAYS_S, 1):
            if await _tried(call, service, delay_s):
                await call.log("Post-call web service: done")
                return
            await call.log(f"Post-call web service: try {number} of {len(DELAYS_S)} failed", "error")

    return run


async def _end_recording(call: Call) -> None:
    """A recording that nobody stopped is stopped by the end of the call."""
    if call.unfinished is None:
        return
    (name, private), call.unfinished = call.unfinished, None
    recorded = await call.set_recording(False, name)
    if isinstance(recorded, Recorded):
        keep(call, recorded, name, private=private)


async def _tried(call: Call, service: Rest | Soap, delay_s: float) -> bool:
    if isinstance(service, Soap):
        return isinstance(await call.invoke(await soap_request(call, service, delay_s=delay_s)), Invoked)
    answer = await call.fetch(await service.request(call, delay_s=delay_s))
    return isinstance(answer, Fetched) and 200 <= answer.status < 300
