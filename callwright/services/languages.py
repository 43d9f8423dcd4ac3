"""The languages that the platform speaks, and how well."""

from dataclasses import dataclass

from callwright.flow.say_as import TABLES
from callwright.providers.asr import pocketsphinx
from callwright.providers.tts import espeak

NAMES = {
    "en-US": "English (United States)",
    "en-GB": "English (United Kingdom)",
    "en-AU": "English (Australia)",
    "es-ES": "Spanish (Spain)",
    "es-MX": "Spanish (Mexico)",
    "es-US": "Spanish (United States)",
    "fr-FR": "French (France)",
    "fr-CA": "French (Canada)",
    "de-DE": "German (Germany)",
    "it-IT": "Italian (Italy)",
    "pt-BR": "Portuguese (Brazil)",
    "pt-PT": "Portuguese (Portugal)",
    "nl-NL": "Dutch (Netherlands)",
}


@dataclass(frozen=True, slots=True)
class Language:
    """A language that there is a voice for."""

    language: str
    "Such as `en-US`, as a document has it."

    name: str
    "In English."

    says_values: bool
    "Dates, amounts and other values with a type are said in it; else as in English."

    voice: str
    "The synthesizer's."

    hears: bool
    "Callers can speak in it where input is asked for."


def spoken() -> list[Language]:
    return [
        Language(
            language, NAMES[language], language[:2] in TABLES, f"{espeak.NAME}:{voice}", pocketsphinx.knows(language)
        )
        for language, voice in espeak.VOICES.items()
    ]
