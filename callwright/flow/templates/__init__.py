"""Applications to begin with. Each has transcripts that take every exit of it."""

from importlib.resources import files
from itertools import takewhile

from callwright.flow.application import Application, parse


def names() -> list[str]:
    return sorted(
        ["appointment_reminder", *(file.name[:-5] for file in files(__name__).iterdir() if file.name.endswith(".yaml"))]
    )


def source(name: str) -> str:
    """The document as text, with its comments. Raises `KeyError` for a name that is none."""
    if name not in names():
        raise KeyError(name)
    if name == "appointment_reminder":
        return (files("callwright.flow") / "starter" / "appointment_reminder.yaml").read_text()
    return (files(__name__) / f"{name}.yaml").read_text()


def description(name: str) -> str:
    """What it does, in a sentence or two: the comment that its document begins with."""
    lines = source(name).splitlines()
    return " ".join(line[1:].strip() for line in takewhile(lambda line: line.startswith("#"), lines))


def application(name: str) -> Application:
    return parse(source(name))
