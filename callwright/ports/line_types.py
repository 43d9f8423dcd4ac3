"""What kind of line a telephone number leads to."""

from typing import Literal, Protocol

LineType = Literal["mobile", "landline", "unknown"]


class LineTypes(Protocol):
    """Looks numbers up. A text to a landline is refused before a carrier is asked for it."""

    def of(self, number: str) -> LineType:
        """Of digits with the country's code. At once: nobody is asked."""
        ...
