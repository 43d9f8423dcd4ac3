"""Runs a benchmark by name: `./dev bench NAME [options]`. A benchmark is a module here with `main()` and a one-line docstring."""

import importlib
import pkgutil
import sys
from pathlib import Path


def names() -> list[str]:
    found = (m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))


def load(name: str) -> object:
    return importlib.import_module(f"bench.{name.replace('-', '_')}")


def run() -> int:
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("--list", "-h", "--help"):
        for name in names():
            print(f"{name:12} {(load(name).__doc__ or '').strip().splitlines()[0]}")
        return 0
    name = arguments[0]
    if name not in names():
        print(f"There is no benchmark {name!r}; ./dev bench --list names them all.", file=sys.stderr)
        return 2
    sys.argv = [f"bench {name}", *arguments[1:]]
    result = load(name).main()  # type: ignore[attr-defined]
    return int(result or 0)


if __name__ == "__main__":
    sys.exit(run())
