"""Walks an application from exit to exit: an application as a program."""

from collections.abc import Callable
from copy import deepcopy

from callwright.flow.application import Application
from callwright.flow.module import PAGE, Module
from callwright.session.run import Call, CallerHungUp, LimitReached, ModuleRef, Program

MODULES_MAX = 5_000
"Modules in one call: a loop of modules that never ask anything ends here."


class _Step:
    """A module and where its exits lead. An exit that leads nowhere ends the call."""

    __slots__ = ("exits", "module", "ref")

    def __init__(self, module: Module, ref: ModuleRef) -> None:
        self.module, self.ref = module, ref
        self.exits: dict[str, _Step] = {}


Took = Callable[[ModuleRef, str], None]


def program(application: Application, version: str, *, took: Took | None = None) -> Program:
    """The application as a program. What can be known before the call is worked out here, once.

    `took` is told each exit that a call takes: how tests know which of them were tried.
    """
    starts: dict[str, _Step] = {}
    everything: list[_Step] = []
    for page in application.pages:
        steps = {m.name: _Step(m, ModuleRef(page.name, m.name, m.type)) for m in page.modules}
        everything += steps.values()
        for step in steps.values():
            step.exits = {exit: steps[target] for exit, target in step.module.exits.items()}
            if step.module.type == "start":
                starts[page.name] = step
    for step in everything:
        if page_name := step.module.leads_to_page():
            step.exits[PAGE] = starts[page_name]
    first = starts[application.pages[0].name]
    title = f'Executing application "{application.name}" version "{version}"'

    async def run(call: Call) -> None:
        call.language = application.language
        for name, value in application.variables.items():
            if name not in call.variables.values:
                # A copy: a flow may write into it, and the document belongs to all calls.
                call.variables.values[name] = deepcopy(value)
        call.module = first.ref
        await call.log(title)
        if application.recording:
            await call.set_recording(True)
        await _walk(call, first, took)

    return run


async def _walk(call: Call, first: _Step, took: Took | None) -> None:
    step: _Step | None = first
    for _ in range(MODULES_MAX):
        if step is None:
            await call.disconnect()
            return
        if call.caller_gone:
            raise CallerHungUp
        call.module = step.ref
        exit = await step.module.run(call)
        if took is not None:
            took(step.ref, exit)
        step = step.exits.get(exit)
    raise LimitReached(f"Maximum loop count of {MODULES_MAX} modules exceeded")
