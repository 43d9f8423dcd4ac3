"""What scripts a session has run, so that its realms can be made again: when one was thrown away because a script failed
in it or others needed the room, or when the process that it was in has died.

A realm is made again by running the same scripts with the same variables, clock and seed, which gives the same realm.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from callwright.script.javascript import Evaluation, Realm, Script, ScriptError

SCRIPTS_MAX = 1_000
CHARACTERS_MAX = 1_000_000
"Of the variables that the scripts of one realm were given."

AGAIN_S_MAX = 0.5
"CPU time that the scripts of one realm have taken. To make it again takes the same, while other sessions wait."

Path = tuple[int, ...]
"Which entry into an application the session is in, inside which: () is the one that the session began in."


@dataclass(slots=True)
class Past:
    """What has run in one realm. Scripts that failed are not in it: they left nothing."""

    realm: Realm | None = None
    "Where it is run in this process, if it is, and if the realm is there."

    count: int = 0
    "Scripts that have run."

    _scripts: list[Script] = field(default_factory=list)
    _characters: int = 0
    _seconds: float = 0.0

    def add(self, script: Script, seconds: float = 0.0) -> None:
        """A script has run, and has taken so much CPU time."""
        self.count += 1
        self._characters += sum(map(len, script.scope.values()))
        self._seconds += seconds
        self._scripts.append(script)
        if self.count > SCRIPTS_MAX or self._characters > CHARACTERS_MAX or self._seconds > AGAIN_S_MAX:
            # From here on the realm itself is all there is.
            self._scripts.clear()

    def again(self) -> Sequence[Script]:
        """The scripts that make the realm again. Raises `ScriptError` where they were too many or too slow to be kept; the next
        script then begins anew."""
        if len(self._scripts) < self.count:
            self.count, self._characters, self._seconds = 0, 0, 0.0
            self._scripts.clear()
            raise ScriptError(
                "InternalError: what scripts of this call have kept is lost, and was too much to run again"
            )
        return tuple(self._scripts)


class History:
    """What has run in each realm of one session. A realm is over when the session has left its application."""

    __slots__ = ("_pasts",)

    def __init__(self) -> None:
        self._pasts: dict[Path, Past] = {}

    def enter(self, path: Path) -> Past:
        """The session is in this realm, and so has left all those that it is not inside of."""
        self._pasts = {other: past for other, past in self._pasts.items() if path[: len(other)] == other}
        return self._pasts.setdefault(path, Past())


class Scripts:
    """The scripts of one session, run here and now."""

    __slots__ = ("_history",)

    def __init__(self) -> None:
        self._history = History()

    def remember(self, path: Path, script: Script) -> None:
        """The session has run this before, somewhere else."""
        self._history.enter(path).add(script)

    def run(
        self, script: Script, *, path: Path = (), libraries: Sequence[tuple[str, str]] = (), time_zone: str = "UTC"
    ) -> Evaluation:
        """Raises `ScriptError`."""
        past = self._history.enter(path)
        realm, past.realm = past.realm or made(libraries, time_zone, past.again()), None
        result = realm.run(script)
        past.realm = realm
        past.add(script)
        return result


def made(libraries: Sequence[tuple[str, str]], time_zone: str, scripts: Sequence[Script]) -> Realm:
    """A realm in which these scripts have run. Raises `ScriptError`."""
    realm = Realm(libraries, time_zone)
    for script in scripts:
        realm.run(script)
    return realm
