"""Audio files of an account."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from callwright.services import audio_files
from callwright.web.v1 import models
from callwright.web.v1.deps import Asker, Settings

router = APIRouter(tags=["Audio"])

FileName = Annotated[
    str, Query(max_length=255, description="Its name; the suffix tells the form of files without a header.")
]
FILE = {
    "requestBody": {
        "required": True,
        "description": "WAV (PCM, floating point, A-law, µ-law; any rate), MP3, or bare samples at 8000 Hz: "
        ".ul, .ulaw, .mulaw, .al, .alaw, .l16, .sln. Ten minutes and 32 MiB at most.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("/audio", status_code=201, openapi_extra=FILE, summary="Add an audio file")
async def add(request: Request, scope: Asker, config: Settings, file_name: FileName = "") -> models.AudioFile:
    """Keep an audio file for prompts. The same sound gets the same name."""
    samples = await audio_files.convert(await request.body(), file_name)
    return models.AudioFile(audio=audio_files.keep(config.audio_dir, scope, samples))
