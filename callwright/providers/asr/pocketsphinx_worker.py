"""`python -m callwright.providers.asr.pocketsphinx_worker`: recognises utterances for the pool.

A grammar makes something of any sound. So each utterance is searched twice: by its grammar, and by a loop of all sounds of
the language, which fits whatever was said. How much worse the grammar fits than that is the confidence.
"""

import math
from collections import OrderedDict
from hashlib import sha256
from itertools import islice
from typing import Any

from callwright.providers.asr.telephone_model import decoder, search, wide_band
from callwright.providers.pipe_loop import serve

GRAMMARS_MAX = 200
"Compiled grammars that are kept: a few kilobytes each."

PHONES = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
"Of American English, as the dictionary writes them."

EVEN = -0.5
"""How much better a grammar fits than the loop, for each frame, where the confidence is 0.5. Measured: one in twenty of
what was recognised rightly is below it, and six in ten of what is none of the grammar (docs/reference/speech.md)."""

STEEP = 1.5
"The confidence falls to 0.27 so much below, and rises to 0.73 so much above."

HYPOTHESES_MAX = 30
"Looked at for readings besides the best; most differ in their pauses only."


class Recogniser:
    """A decoder, its compiled grammars, and another decoder for the loop of sounds."""

    def __init__(self) -> None:
        # A second search over the words that were found costs up to fifty times the first, and finds less.
        self._decoder = decoder(bestpath=False)
        self._compiled: OrderedDict[str, None] = OrderedDict()
        # Narrower beams: that the loop fits a little worse is even for all.
        self._loop = decoder(bestpath=False, beam=1e-30, pbeam=1e-30, wbeam=1e-12)
        phones = PHONES.split()
        for phone in phones:
            self._loop.add_word(f"_{phone.lower()}", phone, phone == phones[-1])
        sounds = " | ".join(f"_{phone.lower()}" for phone in phones)
        self._loop.add_jsgf_string("loop", f"#JSGF V1.0;\ngrammar loop;\npublic <loop> = ({sounds})+;\n")
        self._loop.activate_search("loop")

    def unknown(self, words: list[str]) -> list[str]:
        """Those of which the dictionary has no pronunciation."""
        return [word for word in words if self._decoder.lookup_word(word) is None]

    def pronounce(self, word: str, phones: str) -> None:
        if self._decoder.lookup_word(word) is None:
            self._decoder.add_word(word, phones)

    def use(self, grammar: str) -> bool:
        """The grammar that counts from now on; False where it is a new one, to be compiled first."""
        name = sha256(grammar.encode()).hexdigest()
        if name not in self._compiled:
            return False
        self._compiled.move_to_end(name)
        self._decoder.activate_search(name)
        return True

    def compile(self, grammar: str) -> None:
        """Raises `ValueError` for what cannot be searched."""
        if len(self._compiled) >= GRAMMARS_MAX:
            self._decoder.remove_search(self._compiled.popitem(last=False)[0])
        name = sha256(grammar.encode()).hexdigest()
        try:
            self._decoder.add_jsgf_string(name, grammar)
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"the grammar cannot be searched: {error}") from None
        self._compiled[name] = None

    def hear(self, ulaw: bytes, readings_max: int) -> list[tuple[list[str], float]]:
        """Words and confidence, the likeliest first."""
        samples = wide_band(ulaw)
        best = search(self._decoder, samples)
        if best is None:
            return []
        anything = search(self._loop, samples)
        frames = max(self._decoder.n_frames(), 1)
        fits = (_log(best.score) - _log(anything.score)) / frames if anything is not None else 0.0
        heard = {best.hypstr: fits}
        if readings_max > 1:
            first: float | None = None
            for other in islice(self._decoder.nbest(), HYPOTHESES_MAX):
                if other is None or not other.hypstr or len(heard) == readings_max:
                    break
                first = _log(other.score) if first is None else first
                heard.setdefault(other.hypstr, fits + min(0.0, (_log(other.score) - first) / frames))
        return [(words.split(), _confidence(fit)) for words, fit in heard.items()]


def _log(score: float) -> float:
    """The decoder's scores, which are near 1, on a scale of a few units for each frame."""
    return math.log(max(score, 1e-9)) * 1e4


def _confidence(fit: float) -> float:
    return round(1 / (1 + math.exp(min(60.0, (EVEN - fit) / STEEP))), 3)


_recogniser: Recogniser | None = None


def answer(question: dict[str, Any], audio: bytes) -> dict[str, Any]:
    """`{heard}`; `{unknown}` with words to be asked again with their pronunciations; or `{error}`."""
    global _recogniser
    _recogniser = _recogniser or Recogniser()
    if not _recogniser.use(question["grammar"]):
        for word, phones in question.get("pronunciations", {}).items():
            _recogniser.pronounce(word, phones)
        if unknown := _recogniser.unknown(question["words"]):
            return {"unknown": unknown}
        try:
            _recogniser.compile(question["grammar"])
        except ValueError as error:
            return {"error": str(error)}
        _recogniser.use(question["grammar"])
    return {"heard": _recogniser.hear(audio, question["readings_max"])}


if __name__ == "__main__":
    serve(answer)
