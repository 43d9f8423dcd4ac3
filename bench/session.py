"""Simulated calls per second of the session core on one core: the starter application, its calls, no I/O."""

import argparse
import time
from importlib.resources import files

from callwright.flow.application import parse
from callwright.flow.engine import program
from callwright.rehearsal import transcript
from callwright.rehearsal.simulation import Simulation
from callwright.rehearsal.transcript import Script, ScriptedCaller
from callwright.session.run import Entry, Program, Run, SessionInfo

CALL = "confirms.call"


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench session", description=__doc__)
    options.add_argument(
        "--calls", type=int, default=20_000, metavar="N", help="calls in each round (default: %(default)s)"
    )
    options.add_argument(
        "--rounds", type=int, default=3, metavar="N", help="rounds, of which the best counts (default: %(default)s)"
    )
    given = options.parse_args()
    folder = files("callwright.flow") / "starter"
    started = program(parse((folder / "appointment_reminder.yaml").read_text()), "1")
    script = transcript.parse((folder / "calls" / CALL).read_text())

    commands = 0
    best = 0.0
    for _ in range(given.rounds):
        begun = time.process_time()
        for _ in range(given.calls):
            commands = _call(started, script)
        rate = given.calls / (time.process_time() - begun)
        best = max(best, rate)
        print(f"{rate:10,.0f} calls/s")
    print(f"\nbest: {best:,.0f} calls/s of CPU time on one core, {1e6 / best:.0f} us/call, {commands} commands a call")
    return 0


def _call(started: Program, script: Script) -> int:
    """One call, with its journal, as the engine has it; how many commands it took."""
    journal: list[Entry] = []
    session = SessionInfo("300060;001;1529552581", "8005550100", "12125550101", "Reminder", "outbound")
    run = Run(started, session=session, variables=script.variables, journal=journal.append)
    simulation = Simulation(run, ScriptedCaller(script))
    outcome = simulation.run()
    assert outcome.kind == "exit" and len(journal) > simulation.commands
    return simulation.commands
