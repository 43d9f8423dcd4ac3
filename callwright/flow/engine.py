"""Walks an application from exit to exit: an application as a program."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import lru_cache

from callwright.base.errors import AuthorError
from callwright.base.values import Value
from callwright.flow.application import Application, build
from callwright.flow.module import Module, page_exit
from callwright.flow.post_call import post_call
from callwright.script.variables import Path, Variables
from callwright.session.events import Loaded
from callwright.session.run import Call, CallerHungUp, Enter, LimitReached, ModuleRef, Program

MODULES_MAX = 5_000
"Modules in one call: a loop of modules that never ask anything ends here."

DEPTH_MAX = 10
"Applications inside one another."


ENTERED_MAX = 100
"Applications that were gone to and are kept ready: to build one takes some milliseconds, while other calls wait."


class _Over(Exception):
    """An application inside another one has ended the call."""


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
    walk = _Walk(application, took)
    title = f'Executing application "{application.name}" version "{version}"'

    async def run(call: Call) -> None:
        call.enter = _enter(1)
        if application.post_call is not None:
            call.epilogue = post_call(application.post_call)
        if call.begins_at is None:
            call.language = application.language
            walk.set_defaults(call)
            call.module = walk.first.ref
            await call.log(title)
            if application.recording:
                await call.set_recording(True)
        try:
            await walk.go(call, inside=False)
        except _Over:
            return

    return run


def _steps(application: Application) -> tuple[dict[str, _Step], dict[str, _Step]]:
    """Every page's start, with all that follows joined to it; and every module by its name."""
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
        for page_name in (*step.module.leads_to_pages(), *application.input.leads_to_pages()):
            step.exits[page_exit(page_name)] = starts[page_name]
    return starts, {step.ref.name: step for step in everything}


class _Walk:
    """An application, joined."""

    __slots__ = ("_by_name", "_took", "application", "first")

    def __init__(self, application: Application, took: Took | None) -> None:
        self.application, self._took = application, took
        starts, self._by_name = _steps(application)
        self.first = starts[application.pages[0].name]

    def set_defaults(self, call: Call) -> None:
        for name, value in self.application.variables.items():
            if name not in call.variables.values:
                # A copy: a flow may write into it, and the document belongs to all calls.
                call.variables.values[name] = deepcopy(value) if isinstance(value, dict | list) else value

    async def go(self, call: Call, *, inside: bool) -> None:
        """From the first module to the end: of the call, or `inside` another application to an exit module."""
        step: _Step | None = self.first
        before = 0
        if not inside and call.begins_at is not None:
            name, before = call.begins_at
            step = self._by_name.get(name)
            if step is None:
                raise AuthorError(f"The application has changed: it has no module {name!r} any more")
        for count in range(before, MODULES_MAX):
            if call.caller_gone and not call.disconnected:
                raise CallerHungUp
            if step is None or call.disconnected:
                await call.disconnect()
                if inside:
                    raise _Over
                return
            if inside and step.module.type == "exit":
                return
            call.module = step.ref
            if not inside and call.on_module is not None:
                call.on_module(step.ref.name, count)
            exit = await step.module.run(call)
            if self._took is not None:
                self._took(step.ref, exit)
            step = step.exits.get(exit)
        raise LimitReached(f"Maximum loop count exceeded: {MODULES_MAX} modules")


@lru_cache(maxsize=ENTERED_MAX)
def _entered(document: str) -> "_Walk":
    """An application that others go to, joined. Raises `DocumentError`."""
    return _Walk(build(json.loads(document)), None)


def _enter(depth: int) -> Enter:
    """How a call goes into another application and comes back with its variables (`Call.enter`)."""

    async def enter(call: Call, loaded: Loaded, given: Sequence[tuple[Path, Value, bool]]) -> Variables:
        if depth == DEPTH_MAX:
            raise AuthorError(f"Applications are nested more than {DEPTH_MAX} deep")
        walk = _entered(json.dumps(loaded.document))
        application = walk.application
        before = (call.variables, call.module, call.language, call.enter, call.realm)
        session = deepcopy(call.variables.values["session"])
        assert isinstance(session, dict)
        call.variables = inner = Variables({"session": session | {"name": application.name}})
        for path, value, private in given:
            inner.set(path, deepcopy(value), private=private)
        walk.set_defaults(call)
        call.language, call.enter, call.realm = application.language, _enter(depth + 1), call.realm.inner()
        try:
            await walk.go(call, inside=True)
        finally:
            call.variables, call.module, call.language, call.enter, call.realm = before
            call.show_callee()
        return inner

    return enter
