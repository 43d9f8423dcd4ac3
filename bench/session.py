"""Simulated calls per second of the session core on one core: templates and their calls, with and without JavaScript, no I/O."""

import argparse
import time
from importlib.resources import files
from typing import Any

from bench._figures import slowness, verdict
from callwright.flow import yaml12
from callwright.flow.application import Application, build, parse
from callwright.flow.engine import program
from callwright.rehearsal import transcript
from callwright.rehearsal.simulation import Simulation
from callwright.rehearsal.transcript import Script, ScriptedCaller
from callwright.session.run import Entry, Program, Run, SessionInfo

TARGET = 5_000
"Calls of the survey in a second, on one core, without JavaScript."

SLOWNESS_EVERY = 100
"Calls."

SURVEY_CALL = "answers everything"
LIBRARY = "var asked = 0; function within(value, low, high) { asked++; return value >= low && value <= high; }"


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench session", description=__doc__)
    options.add_argument("--calls", type=int, default=5_000, metavar="N", help="in each round (default: %(default)s)")
    options.add_argument("--rounds", type=int, default=3, metavar="N", help="the best counts (default: %(default)s)")
    given = options.parse_args()
    flow = files("callwright.flow")
    survey = yaml12.load((flow / "templates" / "survey.yaml").read_text())
    starter = parse((flow / "starter" / "appointment_reminder.yaml").read_text())
    survey_call = transcript.parse(survey["transcripts"][SURVEY_CALL])
    starter_call = transcript.parse((flow / "starter" / "calls" / "confirms.call").read_text())
    print(
        f"{'application':28} {'calls/s':>8} {'a call':>9} {'commands':>8} {'slowness':>8} {'calls/s at slowness 1':>22}"
    )
    _measure("survey", build(survey), survey_call, given.calls, given.rounds, TARGET)
    _measure("survey with JavaScript", build(_with_javascript(survey)), survey_call, given.calls // 5, given.rounds)
    _measure("starter application", starter, starter_call, given.calls, given.rounds)
    return 0


def _with_javascript(survey: dict[str, Any]) -> dict[str, Any]:
    """The survey, whose first answer a script with a library looks at; the call goes the same way."""
    (page,) = survey["pages"]
    modules = {module["name"]: module for module in page["modules"]}
    check = {
        "name": "check",
        "type": "evaluate_js",
        "script": "within(Number({{ rating }}), 1, 5) ? 'yes' : 'no'",
        "exits": {"next": "in_range"},
    }
    modules["rating"] = {**modules["rating"], "exits": {"next": "check"}}
    modules["in_range"] = {
        "name": "in_range",
        "type": "compare",
        "variable": "check",
        "rows": [{"value": "no", "exit": "wrong"}],
        "exits": {"wrong": "try_again", "otherwise": "again"},
    }
    libraries = {"within.js": LIBRARY}
    return {**survey, "libraries": libraries, "pages": [{**page, "modules": [*modules.values(), check]}]}


def _measure(
    name: str, application: Application, script: Script, calls: int, rounds: int, target: float | None = None
) -> None:
    started = program(application, "1")
    best, best_slow, commands = 0.0, 1.0, 0
    for _ in range(rounds):
        spent, slow = 0.0, []
        for number in range(calls):
            if number % SLOWNESS_EVERY == 0:
                slow.append(slowness())
            begun = time.process_time()
            commands = _call(started, script)
            spent += time.process_time() - begun
        rate, slowly = calls / spent, sorted(slow)[len(slow) // 2]
        if rate > best:
            best, best_slow = rate, slowly
    told = f"   >= {target:,}: {verdict(best, target, best_slow, at_least=True)}" if target else ""
    print(
        f"{name:28} {best:8,.0f} {1e6 / best:6.0f} us {commands:8} {best_slow:8.2f} {best * best_slow:22,.0f}{told}",
        flush=True,
    )


def _call(started: Program, script: Script) -> int:
    """One call, with its journal, as the engine has it; how many commands it took."""
    journal: list[Entry] = []
    session = SessionInfo("300060;001;1529552581", "8005550100", "12125550101", "Bench", "outbound")
    run = Run(started, session=session, variables=script.variables, journal=journal.append)
    simulation = Simulation(run, ScriptedCaller(script))
    outcome = simulation.run()
    assert outcome.kind == "exit" and len(journal) > simulation.commands
    return simulation.commands
