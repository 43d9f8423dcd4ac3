"""Loading and validating an application of 500 modules, in YAML and in JSON."""

import argparse
import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from bench._figures import repeated, verdict
from callwright.base import json_text
from callwright.flow import yaml12
from callwright.flow.application import build, parse

MODULES = 500
TARGET_MS = 50.0
TEMPLATES = ("survey", "pin_check", "voicemail_to_email", "after_hours_menu")


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench documents", description=__doc__)
    options.add_argument("--runs", type=int, default=30, metavar="N", help="of each kind (default: %(default)s)")
    runs = options.parse_args().runs
    document = _document()
    as_yaml, as_json = yaml12.dump(document), json.dumps(document)
    print(f"{sum(len(page['modules']) for page in document['pages'])} modules on {len(document['pages'])} pages, "
          f"{len(as_yaml) >> 10} KB of YAML, {len(as_json) >> 10} KB of JSON; CPU time")  # fmt: skip
    _show("YAML: loaded and validated", lambda: parse(as_yaml), runs, TARGET_MS)
    _show("JSON: loaded and validated", lambda: parse(as_json), runs, TARGET_MS)
    _show("  YAML to values", lambda: yaml12.load(as_yaml), runs)
    _show("  JSON to values", lambda: json_text.loads(as_json), runs)
    _show("  values to an application", lambda: build(document), runs)
    return 0


def _show(name: str, work: Callable[[], object], runs: int, target_ms: float | None = None) -> None:
    figure = repeated(work, runs)
    told = f"   < {target_ms:g} ms: {verdict(figure.ms(50), target_ms, figure.slowness)}" if target_ms else ""
    print(f"{name:28} {figure}{told}", flush=True)


def _document() -> dict[str, Any]:
    """The pages of the templates again and again, their names numbered, until there are enough modules."""
    sources = [parse((files("callwright.flow") / "templates" / f"{name}.yaml").read_text()) for name in TEMPLATES]
    pages: list[dict[str, Any]] = []
    variables: dict[str, Any] = {}
    left = MODULES
    while left:
        source = sources[len(pages) % len(sources)]
        variables |= source.variables
        # What an author writes, not what stands for everything that was left out.
        (page,) = source.model_dump(mode="json", exclude_defaults=True)["pages"]
        number = len(pages)
        named = {module["name"]: f"{module['name']}_{number}" for module in page["modules"]}
        modules = [
            {
                **module,
                "type": whole.type,
                "name": named[module["name"]],
                "exits": {exit: named[target] for exit, target in module.get("exits", {}).items()},
            }
            for module, whole in zip(page["modules"], source.pages[0].modules, strict=True)
        ]
        if len(modules) > left:
            # The last page is cut: its start leads to its end.
            modules = [{"name": f"start_{number}", "type": "start", "exits": {"next": f"end_{number}"}}] + [
                {"name": f"end_{number}" if at == left - 2 else f"note_{number}_{at}", "type": "exit"}
                for at in range(left - 1)
            ]
        pages.append({"name": f"Page {number}", "modules": modules})
        left -= len(modules)
    return {"callwright": 2, "name": "Large", "variables": variables, "pages": pages}
