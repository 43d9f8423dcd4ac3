"""DEV's transcription API: audio in, words out (docs/compatibility/dev-transcription.md)."""

from starlette.datastructures import UploadFile

from callwright.base.errors import RequestError
from callwright.base.values import Value
from callwright.services import transcriptions
from callwright.store.transcriptions import Transcription
from callwright.web.plum import texts
from callwright.web.plum.dev import CODES, SUFFIX, SuffixEndpoint
from callwright.web.plum.endpoint import Asked, Field, Reply
from callwright.web.plum.fields import given, opened_form, texts_of

WORKFLOW = "automated"
"A machine wrote it down."


async def transcribe(asked: Asked) -> Reply:
    async with opened_form(asked.request) as form:
        sent = form.get("audio")
        if not isinstance(sent, UploadFile):
            raise RequestError(400, texts.TRANSCRIPTION_AUDIO_MISSING, field="audio")
        file, language = await sent.read(), given(texts_of(form), "language")
    transcriber = asked.request.app.state.transcriber
    return Reply(_shown(await transcriptions.transcribe(asked.db, asked.scope, transcriber, file, language)))


async def status(asked: Asked) -> Reply:
    wanted: str = asked.request.path_params["transcription_id"]
    return Reply(_shown(await transcriptions.get(asked.db, asked.scope, wanted)))


def _shown(made: Transcription) -> dict[str, Value]:
    return {
        "transcription_id": made.transcription_id.hex,
        "message": made.message,
        "duration": round(made.duration_s),
        "language": made.language,
        "workflow": WORKFLOW,
        "request_timestamp": int(made.requested_at),
        "response_timestamp": int(made.responded_at),
        # Transcriptions that are queued and told of later have come to their end in DEV.
        "result_url": "",
        "status": "complete",
    }


ENDPOINTS = (
    SuffixEndpoint(
        "/ws/transcription/transcribe.{suffix}",
        "POST",
        "Write down what is said in an audio file",
        "dev-transcription",
        transcribe,
        (
            SUFFIX,
            Field("language", "en-US, en-GB or en-AU.", True, "en-US"),
            Field("audio", "µ-law without a header, or WAV; at most 60 seconds.", True, where="file"),
        ),
        {**CODES, 503: "The recogniser is busy."},
        service="transcribe",
    ),
    SuffixEndpoint(
        "/ws/transcription/status.{suffix}/{transcription_id}",
        "GET",
        "A transcription that was made",
        "dev-transcription",
        status,
        (SUFFIX, Field("transcription_id", "What transcribe gave.", True, where="path")),
        CODES,
        service="status",
    ),
)
