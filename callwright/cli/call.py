"""`callwright call`: be the caller of an application, in the terminal."""

import asyncio
import json
import time
from pathlib import Path
from typing import get_args

import click

from callwright.base.callee_types import CalleeType
from callwright.base.values import Value
from callwright.cli import _document
from callwright.conversation.world import fetch
from callwright.flow.application import Application
from callwright.flow.engine import program
from callwright.providers.http import GuardedClient
from callwright.rehearsal.lines import WORD_S, answer_of, far_end_of, keys_of, variable_of
from callwright.rehearsal.simulation import Asked, FarEnd, Message, Moment, Said, Simulation
from callwright.session.commands import Fetch, Invoke, Load, Log, Record, Send, SendText, Transfer
from callwright.session.events import Event, Fetched, FetchFailed, Loaded, LoadFailed
from callwright.session.lines import spoken
from callwright.session.prompts import Prompt
from callwright.session.run import Entry, Run, SessionInfo
from callwright.session.transcript import transcript


@click.command()
@click.argument("application", type=_document.DOCUMENT)
@click.option(
    "--variable", "given", multiple=True, metavar="NAME=VALUE", help="What the call starts with; may be given often."
)
@click.option(
    "--web", is_flag=True, help="Really send the application's requests, instead of asking how services answer."
)
@click.option(
    "--callee",
    type=click.Choice(get_args(CalleeType)),
    help="Who has answered, as is found out while the first prompt is heard.",
)
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the call as a transcript for `callwright test`.",
)
def command(application: Path, given: tuple[str, ...], web: bool, callee: CalleeType | None, save: Path | None) -> None:
    """Talk to an application in the terminal.

    Type the keys that you press, then Enter; where the application listens to speech, the words that you say. Enter
    alone is silence; `hangs up` or Ctrl-D hangs up.
    """
    document = _document.read(application)
    variables = _variables(given)
    journal: list[Entry] = []

    def tell(entry: Entry) -> None:
        journal.append(entry)
        if isinstance(entry.item, Log) and entry.item.level == "error":
            click.echo(f"  ! {entry.item.line}")

    run = Run(
        program(document, "draft"),
        session=SessionInfo(application=document.name, direction="outbound"),
        variables=variables,
        journal=tell,
    )
    outcome = Simulation(run, _Terminal(web, callee, _document.beside(application))).run()
    click.echo(
        {"exit": "(the call has ended)", "hung_up": "(you hung up)"}.get(outcome.kind, "(the application failed)")
    )
    if save is not None:
        save.write_text(_saved(variables, journal))
        click.echo(f"Saved: {save}")
    raise SystemExit(0 if outcome.kind in ("exit", "hung_up") else 1)


def _variables(given: tuple[str, ...]) -> dict[str, Value]:
    try:
        return dict(variable_of(one) for one in given)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--variable") from None


def _saved(variables: dict[str, Value], journal: list[Entry]) -> str:
    before = "".join(
        f"variable {name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in variables.items()
    )
    return before + transcript(journal)


class _Terminal:
    """A caller who reads and types."""

    def __init__(self, web: bool, callee: CalleeType | None, others: list[Application]) -> None:
        self._web = web
        self._callee = callee
        self._heard = False
        self._others = others

    def hears(self, prompt: Prompt) -> None:
        self._heard = True
        click.echo(f"  {spoken(prompt)}")

    def acts(self, moment: Moment, *, speech: bool) -> str | Said | None:
        if moment != "waiting":
            return ""
        while True:
            typed = _line("say or press> " if speech else "> ")
            if typed is None or typed == "hangs up":
                return None
            try:
                return keys_of(typed) if typed else ""
            except ValueError as error:
                if speech:
                    words = typed.removeprefix("says ")
                    return Said(words, seconds=WORD_S * len(words.split()))
                click.echo(f"  ! {error}")

    def records(self, asked: Record) -> Message:
        typed = _line("say something, or beeps> " if asked.ends_at_beep else "say something> ")
        if typed is None or typed == "hangs up":
            return Message(0, hangs_up=True)
        if typed == "beeps":
            return Message(0, beeps=True)
        return Message(WORD_S * len(typed.split()))

    def transfers(self, asked: Transfer) -> FarEnd:
        click.echo(f"  transfer to {asked.destination}")
        while True:
            typed = _line("what does the far end do? [30 s] ")
            if typed == "hangs up":
                return FarEnd("error", caller_hangs_up=True)
            try:
                return far_end_of(typed or "30 s")
            except ValueError as error:
                click.echo(f"  ! {error}")

    def loads(self, asked: Load) -> Loaded | LoadFailed:
        for other in self._others:
            if other.name == asked.application:
                return Loaded(0, other.name, asked.version or 1, other.model_dump(mode="json"))
        return LoadFailed(0, f"no file beside this one is an application named {asked.application!r}")

    def left(self) -> None:
        pass

    def found(self, answer: Event) -> CalleeType | None:
        if not self._heard:
            return None
        found, self._callee = self._callee, None
        return found

    def serves(self, request: Asked) -> Fetched | FetchFailed:
        match request:
            case Fetch():
                click.echo(f"  {request.method} {request.url} {request.body}".rstrip())
                if self._web:
                    return asyncio.run(_fetch(request))
            case Invoke():
                click.echo(f"  {request.integration}: {request.operation}")
            case Send():
                click.echo(f"  e-mail to {', '.join(request.to)}: {request.subject}")
            case SendText():
                click.echo(f"  text to {request.to}: {request.body}")
        while True:
            typed = _line("how does the service answer? [200 {}] ")
            try:
                return answer_of(typed or "200 {}")
            except ValueError as error:
                click.echo(f"  ! {error}")


def _line(prompt: str) -> str | None:
    """A line from the terminal without the spaces around it; None at its end."""
    try:
        return input(prompt).strip()
    except EOFError:
        click.echo()
        return None


async def _fetch(request: Fetch) -> Fetched | FetchFailed:
    # Whoever runs this sends from their own machine, as with curl: their own addresses are theirs to reach.
    client = GuardedClient(["0.0.0.0/0", "::/0"], loopback=True)
    try:
        return await fetch(request, client, time.time)
    finally:
        await client.aclose()
