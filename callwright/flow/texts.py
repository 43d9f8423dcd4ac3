"""Texts of a document that variables are filled into, such as the fields of requests."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.config import JsonDict

from callwright.base.errors import AuthorError
from callwright.script.template import Rendered, Template
from callwright.script.variables import parse_path
from callwright.session.run import Call

TEXT_MAX = 10_000
"Characters of one text in a document."

PARTS_MAX = 50
NAMES_SHOWN = 20
"Missing variables of one text that are told."


def _is_template(text: str) -> str:
    try:
        Template(text)
    except AuthorError as error:
        raise ValueError(str(error)) from None
    return text


def _is_path(text: str) -> str:
    try:
        parse_path(text)
    except AuthorError as error:
        raise ValueError(str(error)) from None
    return text


VariablePath = Annotated[str, Field(max_length=200), AfterValidator(_is_path)]
"A variable, such as `order.items[0].price`."

NUMBER_TOO: JsonDict = {"type": ["string", "number"]}
"JSON Schema of a text that may be written as a number."

Text = Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(_is_template)]
"A text that may hold `{{ variable }}`."


async def render(call: Call, template: Template) -> Rendered:
    """A text with the call's variables; those that are missing are told in the log."""
    rendered = template.render(call.variables)
    for name in rendered.missing[:NAMES_SHOWN]:
        await call.log(f"Variable {name} is not defined", "error")
    return rendered
