"""Go on at another page."""

from typing import ClassVar, Literal

from pydantic import Field

from callwright.flow.module import Module, page_exit
from callwright.session.run import Call


class GoToPage(Module):
    """Go on at the start of another page of the application, or of the same one. It has no exits."""

    type: Literal["go_to_page"] = "go_to_page"
    icon: ClassVar[str] = "arrow-forward-up"

    page: str = Field(min_length=1, max_length=64, title="Page")

    def exits_needed(self) -> tuple[str, ...]:
        return ()

    def leads_to_pages(self) -> tuple[str, ...]:
        return (self.page,)

    async def run(self, call: Call) -> str:
        return page_exit(self.page)
