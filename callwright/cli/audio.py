"""`callwright audio`: the recorded prompts of an application on a running platform."""

import json
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import click

from callwright.cli._client import Client, with_client
from callwright.media import audio_files
from callwright.services import archives

BATCH_BYTES_MAX = 96 << 20
"Of the files that are sent in one archive: less than it may have."

BATCH_FILES_MAX = archives.ENTRIES_MAX // 2
ANSWER_S_MAX = 600.0
"Converting an archive of hours of audio takes minutes."

PIECE_BYTES = 64 << 10
PAGE = 1_000


@click.command()
@click.argument("application", type=click.IntRange(min=1))
@click.argument("path", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--dry-run", is_flag=True, help="Change nothing; only say what would become of each file.")
@click.option("--new-names", is_flag=True, help="Take names, too, that neither the draft nor the audio manager has.")
@click.option("--json", "as_json", is_flag=True, help="Print the list or the report as JSON.")
@with_client
def command(client: Client, application: int, path: Path | None, dry_run: bool, new_names: bool, as_json: bool) -> None:
    """List the recorded prompts of an APPLICATION, given by its id; or upload those in PATH.

    PATH is an audio file, a folder, or an archive (zip, tar.gz). Files are matched with prompts by their names:
    en-US/welcome.wav, welcome.en-US.wav, welcome_en-US.wav, or welcome.wav for the application's first language. The exit
    status is 1 where a file was not taken.
    """
    missing = f"There is no application {application}."
    base = f"/v1/applications/{application}/audio"
    if path is None:
        _list(client, base, missing, as_json)
        return
    # What cannot be asked for is told before a large upload.
    client.ask("GET", f"{base}?limit=1", missing=missing)
    options = {"dry_run": dry_run, "new_names": new_names}
    lines = []
    for archive, size in _archives(path):
        label = f"Sending {size / (1 << 20):.1f} MB"
        bar = click.progressbar(length=size, label=label, file=sys.stderr)
        with archive, bar:
            report = client.ask(
                "POST",
                f"{base}/archive",
                missing=missing,
                timeout_s=ANSWER_S_MAX,
                content=_pieces(archive, bar.update),
                params=options,
            )
        lines += report["files"]
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "files": lines}, indent=2, ensure_ascii=False))
    else:
        _tell(lines, dry_run)
    taken = ("added", "replaced", "unchanged")
    raise SystemExit(0 if lines and all(line["status"] in taken for line in lines) else 1)


def _list(client: Client, base: str, missing: str, as_json: bool) -> None:
    prompts: list[dict[str, object]] = []
    while True:
        after = prompts[-1]["id"] if prompts else 0
        page = client.ask("GET", base, missing=missing, params={"limit": PAGE, "after": after})
        prompts += page
        if len(page) < PAGE:
            break
    if as_json:
        click.echo(json.dumps(prompts, indent=2, ensure_ascii=False))
        return
    for one in sorted(prompts, key=lambda one: (str(one["name"]).lower(), str(one["language"]))):
        duration = one["duration_ms"]
        length = f"{duration / 1000:6.1f} s" if isinstance(duration, int) else "  no file"
        click.echo(f"{one['name']:30} {one['language']}  {length}  {one['words']}".rstrip())
    click.echo(f"prompts: {len(prompts)}")


def _tell(lines: list[dict[str, str]], dry_run: bool) -> None:
    for line in lines:
        prompt = f"{line['language']}/{line['name']}" if line["name"] else ""
        reason = f": {line['reason']}" if line["reason"] else ""
        click.echo(f"{line['status'].replace('_', ' '):17} {line['file']}  {prompt}{reason}".rstrip())
    counts = Counter(line["status"].replace("_", " ") for line in lines)
    told = ", ".join(f"{status}: {count}" for status, count in counts.items()) or "there is no file in it"
    click.echo(f"\n{told}" + ("; nothing was changed" if dry_run else ""))


def _archives(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """Archives to be sent, each with its size: the one that it is, or new ones of its files."""
    if path.is_file() and not audio_files.is_named_as_audio(path.name):
        yield path.open("rb"), path.stat().st_size
        return
    if path.is_file():
        files = [(path, f"{path.absolute().parent.name}/{path.name}")]
    else:
        found = sorted(file for file in path.rglob("*") if file.is_file())
        files = [(file, file.relative_to(path).as_posix()) for file in found]
        if not any(len(Path(name).parts) > 1 for _, name in files):
            # A folder of one language, by its own name.
            files = [(file, f"{path.absolute().name}/{name}") for file, name in files]
    batch: list[tuple[Path, str]] = []
    size = 0
    for file, name in files:
        length = file.stat().st_size
        if batch and (len(batch) == BATCH_FILES_MAX or size + length > BATCH_BYTES_MAX):
            yield _packed(batch)
            batch, size = [], 0
        batch.append((file, name))
        size += length
    if batch:
        yield _packed(batch)


def _packed(files: list[tuple[Path, str]]) -> tuple[IO[bytes], int]:
    out = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file, name in files:
            archive.write(file, name)
    size = out.tell()
    out.seek(0)
    return out, size


def _pieces(file: IO[bytes], sent: Callable[[int], object]) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece
        sent(len(piece))
