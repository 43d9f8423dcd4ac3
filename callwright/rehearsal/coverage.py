"""What of an application a set of calls has tried: its modules and their exits."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from callwright.flow.application import Application


@dataclass(slots=True)
class Coverage:
    """Tells which exits of an application were never taken. An exit counts where it leads somewhere."""

    application: Application
    _taken: set[tuple[str, str]] = field(default_factory=set)
    _visited: set[str] = field(default_factory=set)

    def add(self, exits: Iterable[tuple[str, str]]) -> None:
        """The exits of one call, as (module, exit)."""
        for module, exit in exits:
            self._visited.add(module)
            self._taken.add((module, exit))

    @property
    def modules(self) -> tuple[int, int]:
        """(tried, all)"""
        names = [module.name for page in self.application.pages for module in page.modules if module.runs]
        return sum(name in self._visited for name in names), len(names)

    @property
    def exits(self) -> tuple[int, int]:
        """(taken, all)"""
        everything = sum(len(module.exits) for page in self.application.pages for module in page.modules)
        return everything - len(self.missed), everything

    @property
    def missed(self) -> list[str]:
        """Each exit that no call has taken, as "module: exit"."""
        return [
            f"{module.name}: {exit}"
            for page in self.application.pages
            for module in page.modules
            for exit in module.exits
            if (module.name, exit) not in self._taken
        ]
