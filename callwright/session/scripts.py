"""An `Evaluate` as the script that is run."""

import json

from callwright.script.javascript import Script
from callwright.session.commands import Evaluate


def script_of(command: Evaluate) -> Script:
    scope = {root: json.dumps(value, ensure_ascii=False, separators=(",", ":")) for root, value in command.scope}
    return Script(command.script, scope, command.now, command.seed)
