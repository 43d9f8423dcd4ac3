"""`python -m callwright.providers.asr.dictation_worker`: writes down what was said, of any words, for the pool.

Speech is found as in a call, and each utterance is searched for by itself: silence costs nothing, and what was hard to
understand does not spoil what follows.
"""

import os
from collections.abc import Iterator
from typing import Any

from callwright.media.frames import FRAME_BYTES, RATE_HZ, SILENCE_FRAME
from callwright.media.utterance import Utterance, UtteranceDetector
from callwright.providers.asr.telephone_model import decoder, search, wide_band
from callwright.providers.pipe_loop import serve

SILENCE_S = 0.5
"Ends an utterance."

NICE = 10
"It works for seconds at a time: calls come first."


def utterances(ulaw: bytes) -> Iterator[bytes]:
    """The stretches of speech in it."""
    ulaw += SILENCE_FRAME * int(2 * SILENCE_S * RATE_HZ / FRAME_BYTES)
    detector = UtteranceDetector(SILENCE_S)
    for at in range(0, len(ulaw) - FRAME_BYTES + 1, FRAME_BYTES):
        change = detector.hear(ulaw[at : at + FRAME_BYTES], at, at)
        if isinstance(change, Utterance):
            yield change.audio
            detector = UtteranceDetector(SILENCE_S)


_decoder = None


def answer(_: dict[str, Any], audio: bytes) -> dict[str, Any]:
    """`{text}`: words without capitals or punctuation; empty where none were found."""
    global _decoder
    _decoder = _decoder or decoder(language_model=True)
    found = (search(_decoder, wide_band(said)) for said in utterances(audio))
    return {"text": " ".join(best.hypstr for best in found if best is not None)}


if __name__ == "__main__":
    os.nice(NICE)
    serve(answer)
