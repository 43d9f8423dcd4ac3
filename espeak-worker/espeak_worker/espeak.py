"""The parts of espeak-ng's C interface (speak_lib.h) that synthesis needs. One instance a process: the library has one state."""

import ctypes
from collections.abc import Callable

import espeakng_loader

_SYNCHRONOUS = 2
_RATE = 1
_CHARS_UTF8 = 1
_SSML = 0x10
_IPA = 2
_OK = 0

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """The engine, ready to speak."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._pcm = bytearray()
        # Kept here: the library calls it as long as it lives.
        self._callback: Callable[..., int] = _Callback(self._on_samples)
        self.rate_hz: int = self._library.espeak_Initialize(
            _SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0
        )
        if self.rate_hz <= 0:
            raise RuntimeError("espeak-ng cannot be initialised")
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._library.espeak_SetSynthCallback(self._callback)
        self._voice = ""

    def speak(self, text: str, voice: str, rate_wpm: int) -> bytes:
        """PCM, 16 bit, mono, at `rate_hz`. A text that begins with `<speak` is SSML.

        Raises `ValueError` for a voice that is not there or a text it cannot speak.
        """
        self._use(voice)
        self._library.espeak_SetParameter(_RATE, rate_wpm, 0)
        self._pcm.clear()
        encoded = text.encode() + b"\0"
        status = self._library.espeak_Synth(
            encoded,
            ctypes.c_size_t(len(encoded)),
            ctypes.c_uint(0),
            0,
            ctypes.c_uint(0),
            ctypes.c_uint(_CHARS_UTF8 | (_SSML if text.lstrip().startswith("<speak") else 0)),
            None,
            None,
        )
        if status != _OK or self._library.espeak_Synchronize() != _OK:
            raise ValueError("the text cannot be spoken")
        return bytes(self._pcm)

    def phonemes(self, text: str, voice: str) -> str:
        """How it says a text, in IPA, the sounds divided by `_`. Raises `ValueError`."""
        self._use(voice)
        rest = ctypes.c_char_p(text.encode())
        said: list[str] = []
        while rest.value:
            clause = self._library.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, _IPA | ord("_") << 8)
            if clause is None:
                raise ValueError("the text cannot be spoken")
            said.append(clause.decode())
        return "_".join(said)

    def _use(self, voice: str) -> None:
        if voice != self._voice:
            if self._library.espeak_SetVoiceByName(voice.encode()) != _OK:
                raise ValueError(f"there is no voice {voice!r}")
            self._voice = voice

    def _on_samples(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _: int | None) -> int:
        if samples and count > 0:
            self._pcm += ctypes.string_at(samples, count * 2)
        return 0
