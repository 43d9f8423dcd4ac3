"""Older forms of documents, brought to the newest: one function for each form. Stored versions stay as they were published."""

from collections.abc import Callable
from typing import Any

FORM = 2
"The newest form, `callwright:` of a document; what a document without that field has."


def newest(raw: dict[str, Any]) -> dict[str, Any]:
    """The document in the newest form. What is no known form is left to validation."""
    form = raw.get("callwright", FORM)
    while type(form) is int and form in _MIGRATIONS:
        raw = _MIGRATIONS[form](raw)
        form = raw["callwright"]
    return raw


_SAID_1 = {"no_match": "Sorry, that is not a valid choice.", "no_input": "Sorry, I did not get that."}


def _from_1(raw: dict[str, Any]) -> dict[str, Any]:
    """One number of attempts for both kinds of failure became a list for each, with what is said after each attempt."""
    made = {**raw, "callwright": 2}
    settings = raw.get("input")
    if not isinstance(settings, dict):
        return made
    settings = dict(settings)
    attempts = settings.pop("attempts", 3)
    if isinstance(attempts, int) and 1 <= attempts <= 20:
        # What was left to the defaults stays with them: they speak more than one language now.
        for kind, said in _SAID_1.items():
            if attempts != 3 or kind in settings:
                settings[kind] = {"attempts": [settings.get(kind, said)] * (attempts - 1) + [""]}
    return {**made, "input": settings}


_MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
