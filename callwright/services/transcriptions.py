"""Audio of clients, written down."""

import time
import uuid

from callwright.base.errors import AuthorError, NotFound, ProviderError, RequestError
from callwright.media import audio_files as forms
from callwright.media.frames import RATE_HZ
from callwright.ports.recognizer import Transcriber
from callwright.services import public_ids, retention
from callwright.services.audio_files import in_thread
from callwright.store import transcriptions as store
from callwright.store.database import Database
from callwright.store.scope import Scope
from callwright.store.transcriptions import Transcription

LANGUAGES = (
    "de-DE", "en-AU", "en-GB", "en-US", "es-ES", "es-MX", "es-US", "fr-CA", "fr-FR", "ja-JP", "pt-BR", "zh-CN",
)  # fmt: skip
"The codes of the Transcription API (docs/compatibility/dev-transcription.md)."

SECONDS_MAX = 60
"Whoever asks waits for the answer: half a minute for so much."

_BARE = "audio.ul"
"A name for what has no header: its samples are µ-law."


async def transcribe(db: Database, scope: Scope, transcriber: Transcriber, file: bytes, language: str) -> Transcription:
    """Write down what is said in a file: WAV (or MP3) by its header, else µ-law samples (8000 Hz, mono).

    Raises `RequestError`: 400 for a language that nobody understands or audio that cannot be read, 503 where the
    recogniser is busy or away.
    """
    requested_at = time.time()
    if language not in LANGUAGES:
        raise RequestError(400, "language is missing or invalid", field="language")
    if not transcriber.knows(language):
        known = ", ".join(one for one in LANGUAGES if transcriber.knows(one))
        raise RequestError(400, f"there is no speech recognizer for {language}, only for {known}", field="language")
    try:
        ulaw = await in_thread(forms.ulaw_of, file, _BARE)
    except AuthorError as error:
        raise RequestError(400, f"audio cannot be used: {error.message}", field="audio") from None
    if len(ulaw) > SECONDS_MAX * RATE_HZ:
        raise RequestError(400, f"audio must not be longer than {SECONDS_MAX} seconds", field="audio")
    try:
        message = await transcriber.transcribe(ulaw, language)
    except ProviderError as error:
        raise RequestError(503, f"the speech recognizer cannot be asked now, try again later: {error}") from None
    made = Transcription(uuid.uuid4(), language, message, len(ulaw) / RATE_HZ, requested_at, time.time())
    await store.insert(db, scope, made)
    return made


async def get(db: Database, scope: Scope, transcription_id: str) -> Transcription:
    """Raises `NotFound`, also for one that is no longer kept."""
    wanted = public_ids.parse(transcription_id, "transcription")
    kept = await retention.kept(db, scope)
    found = await store.get(db, scope, wanted, since=kept.details_since)
    if found is None:
        raise NotFound("transcription")
    return found
