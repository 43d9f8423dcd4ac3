"""What callers hear: values by their type in each language, prompts by language, markup."""

from typing import Any

import pytest

from callwright.flow.application import DocumentError, build
from callwright.flow.say_as import KINDS, TABLES, say
from callwright.rehearsal.transcript import parse, play
from callwright.session.commands import Play
from callwright.session.prompts import Audio, Speech

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("kind", "text", "language", "said"),
    [
        ("acronym", "nasa", "en-US", "N, A, S, A"),
        ("acronym", "A-7", "en-US", "A, 7"),
        ("digits", "1 80*#", "en-US", "1 8 0 star pound"),
        ("digits", "1*", "de-DE", "1 Stern"),
        ("phone", "+16175551234", "en-US", "1, 6 1 7, 5 5 5, 1 2 3 4"),
        ("phone", "(617) 555-1234", "en-US", "6 1 7, 5 5 5, 1 2 3 4"),
        ("phone", "+442079460000", "en-GB", "4 4 2, 0 7 9, 4 6 0, 0 0 0"),
        ("phone", "1234", "en-US", "1 2 3 4"),
        ("number", "1234.50", "en-US", "1234.50"),
        ("number", "1234.50", "fr-FR", "1234,50"),
        ("number", "-7", "en-US", "-7"),
        ("currency", "1", "en-US", "1 dollar"),
        ("currency", "$0.05", "en-US", "5 cents"),
        ("currency", "-2.01", "en-US", "minus 2 dollars and 1 cent"),
        ("currency:eur", "1234.5", "en-US", "1234 euros and 50 cents"),
        ("currency:JPY", "300", "en-US", "300 J P Y"),
        ("currency", "5.4", "fr-FR", "5 euros et 40 centimes"),
        ("date", "2026-11-24", "en-US", "Tuesday, November 24, 2026"),
        ("date", "20261124", "fr-FR", "mardi 24 novembre 2026"),
        ("date", "2026-05-01T10:00:00Z", "fr-FR", "vendredi premier mai 2026"),
        ("time", "15:05", "en-US", "3 oh 5 PM"),
        ("time", "0:00", "en-US", "12 AM"),
        ("time", "3:15p", "en-US", "3 15 PM"),
        ("time", "12:30 a.m.", "de-DE", "0 Uhr 30"),
        ("time", "2026-11-24T15:05:00", "fr-FR", "15 heures 5"),
        ("time", "0100", "es-ES", "1 hora"),
        ("address", "12345 N Main St. Apt 4", "en-US", "1 2 3 4 5 North Main Street Apartment 4"),
        ("address", "Bahnhofstr. 5", "de-DE", "Bahnhofstr 5"),
        ("address", "C/ Mayor 3, izq.", "es-ES", "Calle Mayor 3, izquierda"),
        ("date", "", "en-US", ""),
    ],
)
def test_values_are_said_by_their_type(kind: str, text: str, language: str, said: str) -> None:
    name, _, argument = kind.partition(":")
    assert say(name, argument, text, language) == said


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("date", "24.11.2026"),
        ("date", "2026-02-30"),
        ("time", "25:00"),
        ("time", "soon"),
        ("number", "x"),
        ("currency", "NaN"),
    ],
)
def test_what_is_not_of_its_type(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        say(kind, "", text, "en-US")


def test_every_language_has_the_same_names() -> None:
    names = {language: {name for name in vars(table) if not name.startswith("_")} for language, table in TABLES.items()}
    assert set(names) == {"en", "es", "fr", "de"}
    assert len({frozenset(found) for found in names.values()}) == 1
    for table in TABLES.values():
        assert (
            len(table.MONTHS) == 12
            and len(table.WEEKDAYS) == 7
            and set(table.CURRENCIES) == set(TABLES["en"].CURRENCIES)
        )


def _application(prompt: Any, **more: Any) -> dict[str, Any]:
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "say"}},
        {"name": "say", "type": "prompt", "prompt": prompt, "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    return {"name": "A", "pages": [{"name": "M", "modules": modules}], **more}


def _parts(document: dict[str, Any], variables: str = "", heard: str = "hears ?") -> Any:
    played = play(build(document), parse(f"{variables}\n{heard}\ncall ends\n"))
    return next(entry.item for entry in played.journal if isinstance(entry.item, Play)).prompts[0].parts


def test_markup_is_kept_and_what_is_filled_in_is_no_markup() -> None:
    document = _application("<speak>Hello <emphasis>{{ who }}</emphasis></speak>")
    (part,) = _parts(document, 'variable who = "A & <b>"')
    assert part == Speech("<speak>Hello <emphasis>A &amp; &lt;b&gt;</emphasis></speak>")
    played = play(build(document), parse('variable who = "A & B"\nhears Hello A & B\ncall ends\n'))
    assert played.mismatch is None


@pytest.mark.parametrize(
    ("prompt", "problem"),
    [
        ("<speak>Hello", "well-formed"),
        ('<speak><audio src="/etc/x.wav"/></speak>', "not audio"),
        ("<speak><!DOCTYPE x></speak>", "declarations"),
        ("{{ x | shout }}", "no type that can be said"),
        ({"en": "Hello"}, "should match pattern"),
        ({}, "at least 1"),
    ],
)
def test_prompts_that_are_none(prompt: Any, problem: str) -> None:
    with pytest.raises(DocumentError, match=problem):
        build(_application(prompt))


def test_types_are_for_prompts_only() -> None:
    log = {"name": "say", "type": "call_log", "text": "{{ x | date }}", "exits": {"next": "end"}}
    document = _application("")
    document["pages"][0]["modules"][1] = log
    with pytest.raises(DocumentError, match="not a variable path"):
        build(document)


def test_an_audio_file_has_a_file_for_each_language() -> None:
    files = {"en-US": "sha256:" + "1" * 64, "de-DE": "sha256:" + "2" * 64}
    prompt = [{"audio": "welcome", "files": files, "text": "Welcome."}]
    assert _parts(_application(prompt))[0] == Audio(files["en-US"], "Welcome.")
    assert _parts(_application(prompt, language="de-DE"))[0] == Audio(files["de-DE"], "Welcome.")
    assert _parts(_application([{"audio": "welcome"}]))[0] == Audio("welcome")


def test_a_language_that_the_application_does_not_speak() -> None:
    ask = {"name": "say", "type": "language", "choices": [{"keys": "1", "language": "fr-FR"}], "exits": {"next": "end"}}
    document = _application("")
    document["pages"][0]["modules"][1] = ask
    with pytest.raises(DocumentError, match="does not speak fr-FR"):
        build(document)
    assert build(document | {"languages": ["fr-FR"]})


def test_every_type_is_known_to_the_documentation() -> None:
    assert set(KINDS) == {"acronym", "address", "currency", "date", "digits", "number", "phone", "time"}
