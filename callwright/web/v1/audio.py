"""Audio files of an account, and the audio manager of an application."""

import tempfile
from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from callwright.flow.spoken import AUDIO_NAME, LANGUAGE
from callwright.media.frames import RATE_HZ
from callwright.services import audio_archive, audio_files, audio_prompts
from callwright.store.audio_prompts import PromptRow
from callwright.web.v1 import models
from callwright.web.v1.deps import PAGE_DEFAULT, After, Asker, Db, Id, Limit, Settings

router = APIRouter(tags=["Audio"])

Name = Annotated[str, Path(pattern=f"^{AUDIO_NAME}$", description="As a document has it.")]
Language = Annotated[str, Path(pattern=LANGUAGE, description="Such as en-US.")]
FileName = Annotated[
    str, Query(max_length=255, description="The file's; its suffix tells the form of files without a header.")
]
FILE = {
    "requestBody": {
        "required": True,
        "description": "WAV (PCM, floating point, A-law, µ-law; any rate), MP3, or bare samples at 8000 Hz: "
        ".ul, .ulaw, .mulaw, .al, .alaw, .l16, .sln. Ten minutes and 32 MiB at most.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
ARCHIVE = {
    "requestBody": {
        "required": True,
        "description": "A zip or tar.gz file of at most 128 MiB and 2000 files.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
WAV: dict[int | str, dict[str, Any]] = {200: {"description": "µ-law, 8000 Hz, mono.", "content": {"audio/wav": {}}}}


# -- the account's files --------------------------------------------------------------------------


@router.post("/audio", status_code=201, openapi_extra=FILE, summary="Add an audio file")
async def add(request: Request, scope: Asker, db: Db, config: Settings, file_name: FileName = "") -> models.AudioFile:
    """Keep an audio file for prompts. The same sound gets the same name."""
    samples = await audio_files.convert(await request.body(), file_name)
    return models.AudioFile(audio=await audio_files.keep(db, config.audio_dir, scope, samples))


@router.get("/audio/{audio}", response_class=Response, responses=WAV, summary="The sound of an audio file")
async def sound(audio: str, scope: Asker, db: Db, config: Settings) -> Response:
    """As a WAV file. `audio` is the name that it was given, `sha256:...`."""
    return _wav(await audio_files.as_wav(db, config.audio_dir, scope, audio.replace("\0", "")), audio[7:23])


# -- the audio manager ----------------------------------------------------------------------------


@router.get("/applications/{application_id}/audio", summary="List prompts")
async def listed(
    application_id: Id,
    scope: Asker,
    db: Db,
    name: Annotated[str, Query(max_length=100, pattern=r"^[^\x00]*$", description="A part of the name.")] = "",
    language: Annotated[str, Query(pattern=rf"^$|{LANGUAGE}")] = "",
    limit: Limit = PAGE_DEFAULT,
    after: After = 0,
) -> list[models.Prompt]:
    """The application's prompts by name and language, by id: the order in which they were added."""
    found = await audio_prompts.listed(
        db, scope, application_id, name=name, language=language, after=after, limit=limit
    )
    return [_prompt(row) for row in found]


@router.post("/applications/{application_id}/audio/archive", openapi_extra=ARCHIVE, summary="Upload many prompts")
async def upload(
    application_id: Id,
    request: Request,
    scope: Asker,
    db: Db,
    config: Settings,
    new_names: Annotated[
        bool, Query(description="Take names, too, that neither the draft nor the audio manager has.")
    ] = False,
    dry_run: Annotated[bool, Query(description="Change nothing; only say what would become of each file.")] = False,
) -> models.Upload:
    """Take over the audio files of an archive, matched by name: `en-US/welcome.wav`, `welcome.en-US.wav`,
    `welcome_en-US.wav`, or `welcome.wav` for the application's first language. Each file by itself; sent again, it changes
    nothing.
    """
    with tempfile.TemporaryFile() as archive:
        async for piece in request.stream():
            archive.write(piece)
        archive.seek(0)
        lines = await audio_archive.upload(
            db, config.audio_dir, scope, application_id, archive, new_names=new_names, dry_run=dry_run
        )
    return models.Upload(
        dry_run=dry_run,
        counts=Counter(line.status for line in lines),
        files=[models.UploadedFile.model_validate(line) for line in lines],
    )


@router.get("/applications/{application_id}/audio/{language}/{name}", summary="One prompt")
async def get(application_id: Id, language: Language, name: Name, scope: Asker, db: Db) -> models.Prompt:
    return _prompt(await audio_prompts.get(db, scope, application_id, name, language))


@router.put("/applications/{application_id}/audio/{language}/{name}", summary="Add or replace a prompt")
async def put(
    application_id: Id, language: Language, name: Name, body: models.NewPrompt, scope: Asker, db: Db
) -> models.Prompt:
    """Its words, and a file that the account has or none yet. Published versions stay as they are."""
    row = await audio_prompts.put(db, scope, application_id, name, language, file=body.audio, words=body.words)
    return _prompt(row)


@router.delete("/applications/{application_id}/audio/{language}/{name}", status_code=204, summary="Delete a prompt")
async def delete(application_id: Id, language: Language, name: Name, scope: Asker, db: Db) -> None:
    """409 while the draft speaks it. Published versions go on playing its file."""
    await audio_prompts.delete(db, scope, application_id, name, language)


@router.get(
    "/applications/{application_id}/audio/{language}/{name}/file",
    response_class=Response,
    responses=WAV,
    summary="The sound of a prompt",
)
async def download(
    application_id: Id, language: Language, name: Name, scope: Asker, db: Db, config: Settings
) -> Response:
    """As a WAV file."""
    row = await audio_prompts.get(db, scope, application_id, name, language)
    return _wav(await audio_files.as_wav(db, config.audio_dir, scope, row.file or ""), f"{name}.{language}")


@router.put(
    "/applications/{application_id}/audio/{language}/{name}/file", openapi_extra=FILE, summary="Record a prompt"
)
async def put_file(
    application_id: Id,
    language: Language,
    name: Name,
    request: Request,
    scope: Asker,
    db: Db,
    config: Settings,
    file_name: FileName = "",
) -> models.Prompt:
    """Upload its audio file, in place of the one that it has; its words stay. Published versions stay as they are."""
    content = await request.body()
    row = await audio_prompts.put_file(
        db, config.audio_dir, scope, application_id, name, language, content=content, file_name=file_name
    )
    return _prompt(row)


def _prompt(row: PromptRow) -> models.Prompt:
    return models.Prompt(
        id=row.id,
        name=row.name,
        language=row.language,
        audio=row.file,
        words=row.words,
        duration_ms=row.samples * 1000 // RATE_HZ if row.samples is not None else None,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )


def _wav(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}.wav"'}
    return Response(content, media_type="audio/wav", headers=headers)
