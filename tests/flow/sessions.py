"""Sessions for tests: applications made at random of every kind of module, a caller who does anything, and runs that keep
what they were told."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st

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

    def hears(self, prompt: Prompt) -> None: ...

    def acts(self, moment: str, *, speech: bool) -> str | Said | None:
        if speech and self._random.random() < 0.5:
            words = self._random.choice(["yes", "no", "sales", "one two", "something else", "the first"])
            return Said(words, self._random.choice([0.9, 0.2]))
        keys = [None, "", "", "1", "2", "9#", "*", "11242026", "".join(self._random.choices("0123456789*#", k=5))]
        return self._random.choice(keys) if moment == "waiting" or self._random.random() < 0.3 else ""

    def records(self, asked: Record) -> Message:
        return Message(self._random.choice([0, 2, 999]), self._random.choice(["", "#"]), self._random.random() < 0.2)

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


@cache
def _samples() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Every module of the tests' applications, and all their variables."""
    modules: list[dict[str, Any]] = []
    variables: dict[str, Any] = {}
    for path in sorted(MODULES.glob("*/application.yaml")):
        document = yaml12.load(path.read_text())
        variables |= document.get("variables", {})
        modules += [module for page in document["pages"] for module in page["modules"] if module["type"] != "start"]
    return modules, variables


def any_application(random: Random) -> Application:
    """An application of any modules, joined in any way."""
    samples, variables = _samples()
    pages = [f"Page {number}" for number in range(random.randint(1, 2))]
    document: dict[str, Any] = {
        "name": "Any",
        "variables": variables,
        "languages": ["es-ES", "de-DE"],
        "recording": random.random() < 0.2,
        "pages": [{"name": page, "modules": _page(random, page, pages, samples)} for page in pages],
    }
    if random.random() < 0.3:
        kept = random.choice(["{{ call_recording }}", "{{ lastresult$ }}", "{{ session }}"])
        parameters = [{"name": "x", "value": kept}]
        document["post_call"] = {
            "type": "rest",
            "method": "POST",
            "url": "https://x.example/",
            "parameters": parameters,
        }
    return build(document)


def _page(random: Random, page: str, pages: list[str], samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    prefix = page.replace(" ", "")
    modules = [deepcopy(module) for module in random.choices(samples, k=random.randint(1, 7))]
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
        optional = [exit for exit in made.exits_optional() if random.random() < 0.5]
        module["exits"] = {exit: random.choice(targets) for exit in (*made.exits_needed(), *optional)}
    start = {"name": f"{prefix}start", "type": "start", "exits": {"next": targets[0]}}
    return [start, *modules]


def a_session(seed: int, *, puts_away: bool = False, hang_up_at: int | None = None) -> tuple[Application, TapedRun]:
    """Anybody calls any application: always the same for the same seed."""
    random = Random(seed)
    application = any_application(random)
    run = TapedRun(application, {"who": "Ann"})
    run.puts_away = puts_away
    Simulation(run, Monkey(random, others_of("go_to_app")), hang_up_at=hang_up_at).run()
    return application, run
