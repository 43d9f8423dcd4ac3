"""Names of the audio manager: what becomes of them when an application is published, and what calls then hear."""

from typing import Any

import pytest

from callwright.flow.application import Application, build
from callwright.flow.audio_names import AudioTable, NamedAudio, audio_parts, with_files, without_files
from callwright.rehearsal.transcript import parse, play
from callwright.session.commands import Play
from callwright.session.prompts import Audio

pytestmark = pytest.mark.pure

ENGLISH, GERMAN = "sha256:" + "1" * 64, "sha256:" + "2" * 64
TABLE = AudioTable(
    {
        "welcome": {"en-US": NamedAudio(ENGLISH, "Welcome."), "de-DE": NamedAudio(GERMAN, "Willkommen.")},
        "bye": {"de-DE": NamedAudio(words="Bis bald."), "en-US": NamedAudio(words="Goodbye.")},
    }
)


def _application(prompt: Any, **more: Any) -> Application:
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "say"}},
        {"name": "say", "type": "prompt", "prompt": prompt, "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    return build({"name": "A", "pages": [{"name": "Main", "modules": modules}], **more})


def _published(prompt: Any, **more: Any) -> Application:
    return build(with_files(_application(prompt, **more), TABLE).model_dump(mode="json"))


def _heard(application: Application, said: str) -> Any:
    played = play(application, parse(f"hears {said}\ncall ends\n"))
    assert played.mismatch is None, played.mismatch
    (prompt,) = next(entry.item for entry in played.journal if isinstance(entry.item, Play)).prompts
    return prompt.parts[-1]


def test_each_language_has_its_file_and_its_words() -> None:
    name = [{"audio": "welcome"}]
    assert _heard(_published(name), "welcome") == Audio(ENGLISH, "Welcome.", name="welcome")
    assert _heard(_published(name, language="de-DE"), "welcome") == Audio(GERMAN, "Willkommen.", name="welcome")
    assert _heard(_published(name, language="de-AT"), "welcome").ref == GERMAN, "the same language elsewhere"
    assert _heard(_published(name, language="fr-FR"), "welcome").ref == ENGLISH, "the first"


def test_words_stand_in_where_nothing_is_recorded() -> None:
    assert _heard(_published([{"audio": "bye"}], language="de-DE"), "bye") == Audio("bye", "Bis bald.", name="bye")


def test_the_authors_own_words_go_before_those_of_the_audio_manager() -> None:
    said = [{"audio": "welcome", "text": "Welcome to {{ session.name }}."}]
    assert _heard(_published(said), "Welcome to A.") == Audio(ENGLISH, "Welcome to A.")


def test_a_draft_and_what_is_published_have_the_same_transcripts() -> None:
    for prompt, said in (([{"audio": "welcome"}], "welcome"), ([{"audio": "bye", "text": "Bye."}], "Bye.")):
        assert _heard(_application(prompt), said) and _heard(_published(prompt), said)


def test_only_names_are_filled_in_and_taken_out_again() -> None:
    prompt = {"en-US": [{"audio": "welcome"}, {"audio": ENGLISH}, {"audio": "tone:beep"}, {"audio": "unknown"}]}
    application = _application(prompt, hold=[{"audio": "bye"}], variables={"x": {"audio": "welcome"}})
    published = with_files(application, TABLE)
    files = {part.audio: part.files for _, _, part in audio_parts(published)}
    assert files == {
        "welcome": {"en-US": ENGLISH, "de-DE": GERMAN},
        ENGLISH: {},
        "tone:beep": {},
        "unknown": {},
        "bye": {},
    }
    assert published.variables == {"x": {"audio": "welcome"}}
    assert without_files(published).model_dump() == application.model_dump()
    assert not any(part.files for _, _, part in audio_parts(application)), "the draft is as it was"


def test_an_application_without_names_stays_the_same_object() -> None:
    application = _application("Hello.")
    assert with_files(application, TABLE) is application
