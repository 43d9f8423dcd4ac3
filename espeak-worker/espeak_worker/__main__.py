"""The program: serves requests one after the other until its input ends."""

import ctypes
import json
import os
import signal
import sys
from typing import BinaryIO

from espeak_worker.espeak import Espeak

TEXT_MAX = 20_000
LINE_BYTES_MAX = 200_000
_PR_SET_PDEATHSIG = 1


def serve(engine: Espeak, requests: BinaryIO, answers: BinaryIO) -> None:
    while line := requests.readline(LINE_BYTES_MAX):
        if not line.endswith(b"\n"):
            _answer(answers, {"ok": False, "error": "the request is too long"})
            return  # What follows is the rest of this line: nothing of it can be trusted.
        try:
            request = json.loads(line)
            text, voice, rate_wpm = _read(request)
            if request.get("phonemes"):
                header, pcm = {"ok": True, "phonemes": engine.phonemes(text, voice)}, b""
            else:
                pcm = engine.speak(text, voice, rate_wpm)
                header = {"ok": True, "rate_hz": engine.rate_hz}
        except ValueError as error:
            _answer(answers, {"ok": False, "error": str(error)})
        else:
            _answer(answers, header, pcm)


def _read(request: object) -> tuple[str, str, int]:
    """Raises `ValueError` that says what is wrong."""
    if not isinstance(request, dict):
        raise ValueError("a request is a JSON object")
    text, voice, rate_wpm = request.get("text"), request.get("voice"), request.get("rate_wpm", 165)
    if not isinstance(text, str) or not 0 < len(text) <= TEXT_MAX:
        raise ValueError(f"text must be 1 to {TEXT_MAX} characters")
    if not isinstance(voice, str) or not voice or len(voice) > 40:
        raise ValueError("voice must be the name of a voice")
    if not isinstance(rate_wpm, int) or not 80 <= rate_wpm <= 450:
        raise ValueError("rate_wpm must be between 80 and 450")
    return text.replace("\0", " "), voice, rate_wpm


def _answer(answers: BinaryIO, header: dict[str, object], pcm: bytes = b"") -> None:
    answers.write(json.dumps(header | {"bytes": len(pcm)}).encode() + b"\n" + pcm)
    answers.flush()


def main() -> None:
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        return
    # The library may print; what it prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(Espeak(), sys.stdin.buffer, answers)


main()
