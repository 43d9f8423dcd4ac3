"""Keys that speech is taken for (talk-off): hours of the built-in voices through the detector of in-band keys.

What is said are random words made of syllables, digits and names of letters, in each voice, at three loudnesses.
"""

import argparse
import asyncio
import random
import time

import numpy as np

from callwright.media import g711
from callwright.media.frames import RATE_HZ
from callwright.media.inband import ToneKeys
from callwright.ports.synthesizer import SpeechRequest
from callwright.providers.tts.espeak import VOICES, Espeak

SYLLABLES = [first + vowel for first in "bdklmnprstvwz" for vowel in "aeiou"]
WORDS = (
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "nine",
    "star",
    "pound",
    "a",
    "b",
    "yes",
    "no",
    "please",
)
GAINS = (0.3, 1.0, 1.9)
"The loudest fills the scale: the voices are levelled to half of it."


def main() -> int:
    options = argparse.ArgumentParser(prog="./dev bench talkoff", description=__doc__)
    options.add_argument("--hours", type=float, default=1.0, help="of speech (default: %(default)s)")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    heard_s, spent_s, found = asyncio.run(talk_off(given.hours * 3600, given.seed))
    print(
        f"{heard_s / 3600:.2f} hours of speech in {len(VOICES)} voices: {len(found)} keys {found}; "
        f"{spent_s / heard_s * 100:.2f} % of a core for each call"
    )
    return 0


async def talk_off(seconds: float, seed: int) -> tuple[float, float, str]:
    """Seconds that were heard, processor seconds of the detector, and the keys that it found in them."""
    rng, voices = random.Random(seed), Espeak()
    heard = spent_s = 0.0
    found = ""
    try:
        while heard < seconds:
            audio = await voices.synthesize(SpeechRequest(_text(rng), rng.choice(list(VOICES))))
            samples = np.clip(g711.decode(audio) * rng.choice(GAINS), -32768, 32767).astype(np.int16)
            ulaw, keys = g711.encode(samples), ToneKeys()
            begun = time.process_time()
            for at in range(0, len(ulaw), 160):
                found += keys.hear(ulaw[at : at + 160])
            spent_s += time.process_time() - begun
            heard += len(ulaw) / RATE_HZ
    finally:
        await voices.close()
    return heard, spent_s, found


def _text(rng: random.Random) -> str:
    words = []
    for _ in range(60):
        made = "".join(rng.choices(SYLLABLES, k=rng.randint(1, 4)))
        words.append(made if rng.random() < 0.7 else rng.choice(WORDS))
    return " ".join(words) + "."
