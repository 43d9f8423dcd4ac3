"""The acoustic model of American English that comes with PocketSphinx, and audio of a telephone as it wants it.

The model is of wide-band speech, and a telephone gives half of the band. The missing upper half is filled with the mirror
image of the lower one, quieter: nearer to what the model knows than silence.
"""

from typing import Any

import numpy as np
import soxr
from pocketsphinx import Config, Decoder, get_model_path

from callwright.media import g711
from callwright.media.frames import RATE_HZ, SILENCE_FRAME

MODEL_RATE_HZ = 2 * RATE_HZ

FOLD = 0.35
"Of the mirror image, measured (bench/speech.py)."

NOISE = 30.0
"""Of 32768, -61 dBFS: the model knows no digital silence, neither between words nor where the line lets nothing through.
The same for each utterance, so that it is understood in the same way again."""

AROUND_FRAMES = 10
"Silence before and behind, 200 ms each: a phone that sends nothing while silent leaves none."


def decoder(*, language_model: bool = False, **settings: Any) -> Decoder:
    """`language_model`: with the one of English at large that comes along; else for grammars."""
    model = get_model_path()
    return Decoder(
        Config(
            hmm=f"{model}/en-us/en-us",
            dict=f"{model}/en-us/cmudict-en-us.dict",
            lm=f"{model}/en-us/en-us.lm.bin" if language_model else None,
            loglevel="FATAL",
            # It takes narrow-band speech for noise.
            remove_noise=False,
            cmn="batch",
            **settings,
        )
    )


def search(decoder: Decoder, samples: bytes) -> Any:
    """The best hypothesis; None where there is none."""
    # What went before would otherwise count a little in what is found now.
    decoder.reinit_feat(decoder.config)
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()
    best = decoder.hyp()
    return best if best is not None and best.hypstr else None


def wide_band(ulaw: bytes) -> bytes:
    """µ-law of 8000 Hz as samples of 16000 Hz: the upper half of the band filled, and all of it with a little noise."""
    quiet = SILENCE_FRAME * AROUND_FRAMES
    narrow = g711.decode(quiet + ulaw + quiet).astype(np.float32)
    wide = soxr.resample(narrow, RATE_HZ, MODEL_RATE_HZ)[: 2 * len(narrow)]
    # With a zero after each sample the spectrum has its mirror image; without what is below, that alone.
    image = np.zeros(len(wide), np.float32)
    image[::2] = 2 * narrow[: (len(wide) + 1) // 2]
    noise = np.random.default_rng(0).normal(0, NOISE, len(wide))
    samples: bytes = np.clip(wide + FOLD * (image - wide) + noise, -32768, 32767).astype(np.int16).tobytes()
    return samples
