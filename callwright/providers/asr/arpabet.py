"""Pronunciations as recognisers for American English write them: ARPAbet, from the IPA of a synthesizer."""

_PHONES = {
    "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "tʃ": "CH", "dʒ": "JH", "f": "F", "v": "V", "θ": "TH", "ð": "DH",
    "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH", "x": "HH", "m": "M", "n": "N", "n̩": "AH N", "ŋ": "NG", "l": "L",
    "əl": "AH L", "ɹ": "R", "r": "R", "ɾ": "T", "ʔ": "T", "j": "Y", "w": "W",
    "i": "IY", "ɪ": "IH", "ᵻ": "IH", "ɛ": "EH", "e": "EH", "æ": "AE", "a": "AA", "ɑ": "AA", "ɔ": "AO", "o": "OW", "ʊ": "UH",
    "u": "UW", "ʌ": "AH", "ə": "AH", "ɐ": "AH", "ɚ": "ER", "ɜ": "ER",
    "eɪ": "EY", "aɪ": "AY", "ɔɪ": "OY", "oʊ": "OW", "aʊ": "AW", "iə": "IY AH", "aɪə": "AY AH",
    "ɑɹ": "AA R", "ɔɹ": "AO R", "ʊɹ": "UH R", "ɛɹ": "EH R", "ɪɹ": "IH R", "aɪɚ": "AY ER",
}  # fmt: skip
_MARKS = str.maketrans("", "", "ˈˌːʲ\u0303")
"Stress, length, palatal and nasal: ARPAbet without stress has none of them."


def arpabet(ipa: str) -> str | None:
    """`k_ˈɔː_l` as `K AO L`; None where a sound is none of American English."""
    sounds = (sound.translate(_MARKS) for sound in ipa.replace(" ", "_").split("_"))
    phones = [_PHONES.get(sound) for sound in sounds if sound]
    return " ".join(phone for phone in phones if phone) if phones and all(phones) else None
