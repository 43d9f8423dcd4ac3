"""What input a `Collect` accepts, as data. A grammar says of a string of keys whether it can still
become a match, is one, or is one and can grow.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Digits:
    """A string of digits of bounded length."""

    id: str
    digits_min: int
    digits_max: int
    submit_on_max: bool = True
    "The longest input ends the collection at once, without the pause after the last key."

    type: Literal["digits"] = "digits"


@dataclass(frozen=True, slots=True)
class Choices:
    """A list of key strings, each with the value that it means."""

    id: str
    choices: tuple[tuple[str, str], ...]
    "(keys, value); keys are of `0-9*#`."

    type: Literal["choices"] = "choices"


Grammar = Digits | Choices
