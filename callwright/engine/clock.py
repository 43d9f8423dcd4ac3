"""UNIX seconds that never run backwards within one process: what a session's events carry as `now`."""

import time

_OFFSET_S = time.time() - time.monotonic()


def now() -> float:
    return time.monotonic() + _OFFSET_S
