"""Sessions for tests: applications made at random of every kind of module, a caller who does anything, and runs that keep
what they were told."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st

from callwright.base.callee_types import CalleeType
from callwright.flow import yaml12
from callwright.flow.application import Application, build, parse
from callwright.flow.engine import program
from callwright.flow.module import REGISTRY
from callwright.rehearsal.simulation import FarEnd, Message, Said, Simulation
from callwright.session.checkpoint import KeptRun, encode
from callwright.session.commands import Command, Load, Record, Transfer
from callwright.session.events import Event, Fetched, FetchFailed, Loaded, Started
from callwright.session.prompts import Prompt
from callwright.session.run import Entry, Limits, SessionInfo

SEEDED = settings(deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
"For tests that are given a seed: a smaller one is no simpler."

SEEDS = st.integers(0, 2**64)

MODULES = Path(__file__).parent / "modules"
KINDS = sorted(REGISTRY)
ENDLESS = Limits(steps=150)
"An application made at random may go round in circles."


def others_of(kind: str) -> list[Application]:
    """The applications that the one of this kind goes to."""
    return [parse(path.read_text()) for path in (MODULES / kind).glob("*.yaml") if path.name != "application.yaml"]


@cache
def application_of(kind: str) -> Application:
    return parse((MODULES / kind / "application.yaml").read_text())


class TapedRun(KeptRun):
    """Keeps its journal, its events, and where wanted a checkpoint at each await."""

    def __init__(self, application: Application, variables: dict[str, Any], *, limits: Limits = ENDLESS) -> None:
        self.entries: list[Entry] = []
        self.tape: list[Event] = []
        self.puts_away = False
        self.checkpoints: list[tuple[bytes, int, int]] = []
        "Each with how many events had been told, and how many entries the journal had."

        super().__init__(
            program(application, "1"),
            session=SessionInfo("1;2;3", "6175550100", "2000", application.name, sip_headers=(("x-a", "b"),)),
            variables=variables,
            limits=limits,
            journal=self.entries.append,
        )

    def start(self, event: Started) -> Command | None:
        return self._taped(event, super().start)

    def send(self, event: Event) -> Command | None:
        return self._taped(event, super().send)

    def _taped(self, event: Any, told: Callable[[Any], Command | None]) -> Command | None:
        self.tape.append(event)
        asked = told(event)
        if self.puts_away and self.outcome is None:
            self.checkpoints.append((encode(self.put_away()), len(self.tape), len(self.entries)))
        return asked


class Monkey:
    """A caller, and a world, that do anything, but always the same for the same seed."""

    def __init__(self, random: Random, others: list[Application]) -> None:
        self._random = random
        self._others = others
        self._has_found = False

    def hears(self, prompt: Prompt) -> None: ...

    def acts(self, moment: str, *, speech: bool) -> str | Said | None:
        if speech and self._random.random() < 0.5:
            words = self._random.choice(["yes", "no", "sales", "one two", "something else", "the first"])
            return Said(words, self._random.choice([0.9, 0.2]))
        keys = [None, "", "", "1", "2", "9#", "*", "11242026", "".join(self._random.choices("0123456789*#", k=5))]
        return self._random.choice(keys) if moment == "waiting" or self._random.random() < 0.3 else ""

    def records(self, asked: Record) -> Message:
        return Message(
            self._random.choice([0, 2, 999]),
            self._random.choice(["", "#"]),
            self._random.random() < 0.2,
            self._random.random() < 0.3,
        )

    def transfers(self, asked: Transfer) -> FarEnd:
        outcome = self._random.choice(["answers", "noanswer", "busy", "error"])
        return FarEnd(outcome, 5.0, "reason", outcome in ("answers", "noanswer") and self._random.random() < 0.2)

    def serves(self, request: Any) -> Fetched | FetchFailed:
        bodies = ["{}", "[]", "x", '{"price": 1}', '[{"dtmf": 1, "value": "a"}]', "", "<a><b>1</b></a>", "a,b\n1,2"]
        if self._random.random() < 0.3:
            return FetchFailed(0, "no answer")
        return Fetched(
            0, self._random.choice([200, 404]), "application/json", self._random.choice(bodies), "https://x.example/"
        )

    def loads(self, asked: Load) -> Loaded:
        return Loaded(0, asked.application, asked.version or 1, self._others[0].model_dump(mode="json"))

    def left(self) -> None: ...

    def found(self, answer: Event) -> CalleeType | None:
        if self._has_found or self._random.random() < 0.7:
            return None
        self._has_found = True
        return self._random.choice(["voice", "answeringmachine"])


@cache
def _samples() -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """The modules of the tests' applications by kind, and all their variables."""
    modules: dict[str, list[dict[str, Any]]] = {}
    variables: dict[str, Any] = {}
    for path in sorted(MODULES.glob("*/application.yaml")):
        document = yaml12.load(path.read_text())
        variables |= document.get("variables", {})
        for module in (module for page in document["pages"] for module in page["modules"]):
            if module["type"] != "start":
                modules.setdefault(module["type"], []).append(module)
    return modules, variables


def any_application(random: Random) -> Application:
    """An application of any modules, joined in any way."""
    samples, variables = _samples()

    def draw() -> dict[str, Any]:
        return deepcopy(random.choice(samples[random.choice([*samples])]))

    pages = [f"Page {number}" for number in range(random.randint(1, 2))]
    drawn = {page: [draw() for _ in range(random.randint(1, 7))] for page in pages}
    document: dict[str, Any] = {
        "name": "Any",
        "variables": variables,
        "languages": ["es-ES", "de-DE"],
        "recording": random.random() < 0.2,
        "pages": [{"name": page, "modules": _joined(random, page, pages, drawn[page])} for page in pages],
    }
    if random.random() < 0.3:
        kept = random.choice(["{{ call_recording }}", "{{ lastresult$ }}", "{{ session }}"])
        document["post_call"] = POST_CALL | {"parameters": [{"name": "x", "value": kept}]}
    return build(document)


POST_CALL = {"type": "rest", "method": "POST", "url": "https://x.example/"}
PIN = "58203417"


def application_with_a_pin(random: Random) -> Application:
    """One that asks for something private first, and puts that, or what has been made of it, wherever a variable can stand."""
    samples, _ = _samples()
    kinds = [kind for kind in samples if kind not in ("exit", "label", "go_to_page")]
    names = ["pin", "pin", "kept", "kept.deep", "other", *(f"Mainm{number}" for number in range(12))]

    def stands_in(_: object) -> str:
        return f"{{{{ {random.choice(names)} }}}}"

    def draw() -> dict[str, Any]:
        text = json.dumps(random.choice(samples[random.choice([*kinds, "set_variable", "prompt", "counter"])]))
        made: dict[str, Any] = json.loads(re.sub(r"\{\{[^{}]*\}\}", stands_in, text))
        for one in made.get("assignments", ()):
            one |= {
                "variable": random.choice(names[2:]),
                "value": random.choice([stands_in(0), f"x {stands_in(0)}", 1]),
            }
        for field in ("variable", "options"):
            if isinstance(made.get(field), str):
                made[field] = random.choice(names)
        if made["type"] in ("prompt", "call_log") and random.random() < 0.7:
            made["prompt" if made["type"] == "prompt" else "text"] = f"It is {stands_in(0)}, {stands_in(0)}."
        return made

    modules = _joined(random, "Main", ["Main"], [draw() for _ in range(12)], straight=True)
    pin = {"name": "pin", "type": "digits", "private": True, "digits_min": 8, "exits": modules[0]["exits"]}
    modules[0]["exits"] = {"next": "pin"}
    document = {
        "name": "Private",
        "languages": ["es-ES", "de-DE"],
        "hold": f"Wait, {stands_in(0)}.",
        "post_call": POST_CALL | {"parameters": [{"name": "x", "value": stands_in(0)}]},
        "pages": [{"name": "Main", "modules": [*modules, pin]}],
    }
    return build(document)


def _joined(
    random: Random, page: str, pages: list[str], modules: list[dict[str, Any]], *, straight: bool = False
) -> list[dict[str, Any]]:
    """A page of these modules, joined at random; `straight`: most exits lead to the next module."""
    prefix = page.replace(" ", "")
    for number, module in enumerate(modules):
        module["name"] = f"{prefix}m{number}"
        module["private"] = random.random() < 0.15
        if module["type"] == "go_to_page":
            module["page"] = random.choice(pages)
        for failures in (module.get("no_match"), module.get("no_input")):
            if failures and "page" in failures:
                failures["page"] = random.choice(pages)
    modules.append({"name": f"{prefix}end", "type": "exit"})
    targets = [module["name"] for module in modules if REGISTRY[module["type"]].runs]
    for module in modules:
        made = REGISTRY[module["type"]].model_validate({**module, "exits": {}})
        exits = (*made.exits_needed(), *(exit for exit in made.exits_optional() if straight or random.random() < 0.5))
        following = targets[(targets.index(module["name"]) + 1) % len(targets)] if made.runs else ""
        module["exits"] = {
            exit: following if straight and random.random() < 0.9 else random.choice(targets) for exit in exits
        }
    start = {"name": f"{prefix}start", "type": "start", "exits": {"next": targets[0]}}
    return [start, *modules]


class Confidant(Monkey):
    """A monkey who tells the pin when it is asked for at first, and hears it back from every service."""

    _told = False

    def acts(self, moment: str, *, speech: bool) -> str | Said | None:
        if not self._told and moment == "waiting":
            self._told = True
            return f"{PIN}#"
        act = super().acts(moment, speech=speech) if self._told else ""
        # One who hangs up less readily sees more of the application.
        return act if act is not None or self._random.random() < 0.1 else ""

    def serves(self, request: Any) -> Fetched | FetchFailed:
        if request.private:
            return self._random.choice(
                [Fetched(0, 200, "", f'[{{"dtmf": 1, "value": "{PIN}", "{PIN}": 1}}]'), FetchFailed(0, f"no {PIN}")]
            )
        return super().serves(request)


def a_session(
    seed: int, *, puts_away: bool = False, hang_up_at: int | None = None, pin: bool = False
) -> tuple[Application, TapedRun]:
    """Anybody calls any application: always the same for the same seed."""
    random = Random(seed)
    application = application_with_a_pin(random) if pin else any_application(random)
    run = TapedRun(application, {"who": "Ann"})
    run.puts_away = puts_away
    caller = (Confidant if pin else Monkey)(random, others_of("go_to_app"))
    Simulation(run, caller, hang_up_at=hang_up_at).run()
    return application, run
