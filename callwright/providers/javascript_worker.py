"""`python -m callwright.providers.javascript_worker`: keeps the realms of sessions, and runs their scripts for the pool.

A question holds one script, and `before`: how many have run in its realm. Where the realm is not here, or something else
has run in it, the answer is `{lost}`, and the question is asked again with the scripts that make the realm again.
"""

import signal
import time
from collections import OrderedDict
from typing import Any

from callwright.providers.pipe_loop import serve
from callwright.script.history import made
from callwright.script.javascript import Realm, Script, ScriptError

CPU_S_MAX = 1.0
"""Of one answer. A script and those that make its realm again take 0.75 s at most: what takes longer is a built-in function
that QuickJS cannot interrupt, and the kernel ends the process."""

REALMS_MAX = 1_000
"An empty realm takes 0.2 MB."

MEMORY_BYTES_MAX = 256 << 20
"Of all realms; past it, as past their number, the ones that were not used for longest go."


class Realms:
    """The realms of this process, by session and by the session's way to them."""

    def __init__(self, realms_max: int = REALMS_MAX, memory_bytes_max: int = MEMORY_BYTES_MAX) -> None:
        self._realms_max, self._memory_bytes_max = realms_max, memory_bytes_max
        self._kept: OrderedDict[tuple[str, tuple[int, ...]], tuple[Realm, int]] = OrderedDict()
        self._memory_bytes = 0

    def answer(self, question: dict[str, Any], _: bytes = b"") -> dict[str, Any]:
        """`{value, changes, cpu_s}`; `{thrown}` with the script's error; `{lost}`; for a session that has ended, `{}`."""
        if "ended" in question:
            for key in [key for key in self._kept if key[0] == question["ended"]]:
                self._take(key)
            return {}
        key = (question["session"], tuple(question["path"]))
        realm = self._take(key)
        began = time.process_time()
        try:
            if "libraries" in question:
                scripts = [Script(*script) for script in question["again"]]
                realm = made([(name, source) for name, source in question["libraries"]], question["time_zone"], scripts)
                # What came before was counted then; the libraries count with the first script.
                began = time.process_time() if scripts else began
            elif realm is None or realm.count != question["before"]:
                return {"lost": True}
            result = realm.run(Script(*question["script"]))
        except ScriptError as error:
            return {"thrown": error.message}
        self._keep(key, realm)
        return {"value": result.value, "changes": dict(result.changes), "cpu_s": time.process_time() - began}

    def _take(self, key: tuple[str, tuple[int, ...]]) -> Realm | None:
        realm, size = self._kept.pop(key, (None, 0))
        self._memory_bytes -= size
        return realm

    def _keep(self, key: tuple[str, tuple[int, ...]], realm: Realm) -> None:
        size = realm.memory_bytes
        self._kept[key] = (realm, size)
        self._memory_bytes += size
        while len(self._kept) > self._realms_max or self._memory_bytes > self._memory_bytes_max:
            self._take(next(iter(self._kept)))


def main() -> None:
    realms = Realms()

    def answer(question: dict[str, Any], data: bytes) -> dict[str, Any]:
        # CPU time, so that a busy machine ends nothing. Nobody handles the signal, which ends the process.
        signal.setitimer(signal.ITIMER_PROF, CPU_S_MAX)
        answered = realms.answer(question, data)
        signal.setitimer(signal.ITIMER_PROF, 0)
        return answered

    serve(answer)


if __name__ == "__main__":
    main()
