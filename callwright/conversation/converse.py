"""Drives a Run to its end: caller-facing commands go to the performer, world-facing ones to the world.

A caller who hangs up during a world-facing command does not stop it: the answer comes with `caller_gone`, and
the program finds out at its next boundary.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from callwright.session.commands import CallerCommand, Command, WorldCommand
from callwright.session.events import CalleeFound, Event, Started
from callwright.session.prompts import Prompt
from callwright.session.run import Outcome, Run


class CallerSide(Protocol):
    """Who performs caller-facing commands: the voice layer, a simulator."""

    @property
    def gone(self) -> bool: ...

    async def perform(self, command: CallerCommand) -> Event: ...

    def found(self) -> CalleeFound | None:
        """Who has answered, once it was found out; that is told once."""
        ...

    async def hold(self, prompt: Prompt) -> None:
        """Play this again and again, until `release`."""
        ...

    def release(self) -> None: ...


class WorldSide(Protocol):
    """Who performs world-facing commands."""

    async def perform(self, command: WorldCommand) -> Event: ...


async def converse(run: Run, caller: CallerSide, world: WorldSide, clock: Callable[[], float]) -> Outcome:
    """Run the program to its end and say how it ended."""
    run.start(Started(clock()))
    return await go_on(run, caller, world)


async def go_on(run: Run, caller: CallerSide, world: WorldSide) -> Outcome:
    """Run a program that waits for an answer to its end: one that was begun, or taken up (`session.checkpoint`)."""
    while run.outcome is None:
        assert run.asked is not None
        answer = await _perform(run.asked, caller, world)
        if (found := caller.found()) is not None:
            run.send(found)
        run.send(answer)
    return run.outcome


async def _perform(command: Command, caller: CallerSide, world: WorldSide) -> Event:
    if not isinstance(command, WorldCommand):
        return await caller.perform(command)
    hold = getattr(command, "hold", None)
    if hold is not None and not caller.gone:
        await caller.hold(hold)
    answer = await world.perform(command)
    if hold is not None:
        caller.release()
    return replace(answer, caller_gone=True) if caller.gone else answer  # type: ignore[arg-type]  # all of these have it
