"""The other end of `PipeWorker`: reads questions from stdin and writes answers to stdout until stdin ends."""

import json
import os
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

Answering = Callable[[dict[str, Any], bytes], dict[str, Any]]


def serve(answer: Answering) -> None:
    """An answer that raises ends the process, which is started again."""
    # Whatever a library prints must not come between the answers.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while (question := _read(sys.stdin.buffer)) is not None and (data := _read(sys.stdin.buffer)) is not None:
        encoded = json.dumps(answer(json.loads(question), data)).encode()
        out.write(struct.pack("!I", len(encoded)) + encoded)
        out.flush()


def _read(source: BinaryIO) -> bytes | None:
    head = source.read(4)
    if len(head) < 4:
        return None
    (length,) = struct.unpack("!I", head)
    content = source.read(length)
    return content if len(content) == length else None
