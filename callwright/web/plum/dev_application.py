"""DEV's application API: recogniser, synthesizer and URL of a number (docs/compatibility/dev-application.md)."""

import re
from collections.abc import Awaitable, Callable

from callwright.base.errors import RequestError
from callwright.services import numbers
from callwright.store.deployments import Choice
from callwright.web.plum import texts
from callwright.web.plum.dev import CODES, DevEndpoint
from callwright.web.plum.endpoint import Asked, Field, Reply
from callwright.web.plum.fields import body_of, given

CHOICES: tuple[tuple[Choice, str, str], ...] = (
    ("asr", "ASR", "what recognises speech"),
    ("tts", "TTS", "what says texts"),
    ("url", "URL", "the URL of the application"),
)

_NUMBER = re.compile(r"1?[0-9]{10}")
_PHONE_NUMBER = Field("phone_number", "One of your numbers, 10 digits.", True, where="path")


def _number(asked: Asked) -> str:
    number: str = asked.request.path_params["phone_number"]
    if not _NUMBER.fullmatch(number):
        raise RequestError(400, texts.DEV_PHONE_NUMBER, field="phone_number")
    return number


def _getter(choice: Choice) -> Callable[[Asked], Awaitable[Reply]]:
    async def get(asked: Asked) -> Reply:
        return Reply({choice: await numbers.chosen(asked.db, asked.scope, choice, _number(asked))})

    return get


def _setter(choice: Choice) -> Callable[[Asked], Awaitable[Reply]]:
    async def set_(asked: Asked) -> Reply:
        number, value = _number(asked), given(await body_of(asked.request), choice)
        await numbers.choose(asked.db, asked.scope, choice, number, value)
        return Reply({choice: value})

    return set_


def _options(choice: Choice) -> Callable[[Asked], Awaitable[Reply]]:
    async def options(_: Asked) -> Reply:
        return Reply({"options": list(numbers.OPTIONS[choice])})

    return options


def _endpoint(
    service: str, method: str, summary: str, handler: Callable[[Asked], Awaitable[Reply]], *fields: Field
) -> DevEndpoint:
    path = f"/ws/application/{service}" + ("/{phone_number}" if _PHONE_NUMBER in fields else "")
    return DevEndpoint(path, method, summary, "dev-application", handler, fields, CODES, service=service)


ENDPOINTS = (
    *(
        _endpoint(f"get{name}", "GET", f"Of a number: {what}", _getter(choice), _PHONE_NUMBER)
        for choice, name, what in CHOICES
    ),
    *(
        _endpoint(
            f"set{name}",
            "POST",
            f"Set for a number {what}",
            _setter(choice),
            _PHONE_NUMBER,
            Field(choice, f"The new value: {what}.", True),
        )
        for choice, name, what in CHOICES
    ),
    *(
        _endpoint(f"getOptions{name}", "GET", f"What setting {name} takes", _options(choice))
        for choice, name, _ in CHOICES
        if choice in numbers.OPTIONS
    ),
)
