"""Backup files that were cut off, damaged or made up are told, and nothing is taken from them."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from callwright.cli._archive import DUMP, MANIFEST, ArchiveWriter, BadBackup, check, extract

pytestmark = pytest.mark.pure

FILES = {DUMP: b"PGDMP" * 1000, "audio/1/a.ulaw": b"\xff" * 5000, "recordings/1/2026/x.wav": b"", "secrets.json": b"{}"}
FACTS = {"made_at": 1.5, "callwright": "0.1", "schema": "0001", "postgres": 18}


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return _write(tmp_path, FILES)


def _write(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "backup"
    with path.open("wb") as file:
        archive = ArchiveWriter(file, lambda done: None)
        for name, body in files.items():
            source = folder / "source"
            source.write_bytes(body)
            with source.open("rb") as opened:
                archive.add(name, opened)
        archive.close(**FACTS)
    return path


def _refusal(path: Path) -> str:
    with pytest.raises(BadBackup) as refused:
        check(path, lambda done: None)
    return str(refused.value)


def test_what_goes_in_comes_out(backup: Path, tmp_path: Path) -> None:
    done: list[int] = []
    manifest = check(backup, done.append)
    assert sum(done) == sum(map(len, FILES.values()))
    assert (manifest.schema, manifest.postgres, manifest.made_at) == ("0001", 18, 1.5)
    to = tmp_path / "to"
    extract(backup, to, lambda done: None)
    assert {str(path.relative_to(to)): path.read_bytes() for path in to.rglob("*") if path.is_file()} == FILES
    assert {path.stat().st_mode & 0o777 for path in to.rglob("*") if path.is_file()} == {0o600}


def test_a_file_that_was_cut_off_anywhere(backup: Path) -> None:
    whole = backup.read_bytes()
    # A tar ends with blocks of zeros, which say nothing.
    end = len(whole.rstrip(b"\0"))
    for length in (0, 100, 512, 3000, 512 + len(FILES[DUMP]), len(whole) // 2, end - 600, end - 1):
        backup.write_bytes(whole[:length])
        assert (
            "no backup" in _refusal(backup) or "not whole" in _refusal(backup) or "cannot be read" in _refusal(backup)
        )


def test_a_byte_that_changed(backup: Path) -> None:
    whole = bytearray(backup.read_bytes())
    whole[512 + 77] ^= 1
    backup.write_bytes(whole)
    assert _refusal(backup) == f"{backup} is damaged: {DUMP} is not what was written"


def test_another_kind_of_file(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"PK\x03\x04" + b"x" * 2000)
    assert "is no backup" in _refusal(other)
    assert "holds no database" in _refusal(_write(tmp_path, {"secrets.json": b"{}"}))


@pytest.mark.parametrize("name", ["../secrets.json", "/etc/passwd", "audio/../../x"])
def test_a_name_that_leads_out(tmp_path: Path, name: str) -> None:
    assert "which no backup does" in _refusal(_write(tmp_path, FILES | {name: b"x"}))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_what_is_no_file(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "backup"
    with tarfile.open(path, "w") as tar:
        entry = tarfile.TarInfo("audio")
        entry.type, entry.linkname = kind, "/etc"
        tar.addfile(entry)
    assert "which no backup does" in _refusal(path)


def _with_manifest(tmp_path: Path, body: bytes) -> Path:
    path = tmp_path / "backup"
    with tarfile.open(path, "w") as tar:
        entry = tarfile.TarInfo(MANIFEST)
        entry.size = len(body)
        tar.addfile(entry, io.BytesIO(body))
    return path


def test_a_manifest_of_a_later_release(tmp_path: Path) -> None:
    path = _with_manifest(tmp_path, json.dumps({"format": 99, "callwright": "9.0", "files": {}}).encode())
    assert "was made by Callwright 9.0" in _refusal(path)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"format": "x"}', b'{"format": 1, "files": []}', b"\xff"])
def test_a_manifest_that_is_none(tmp_path: Path, body: bytes) -> None:
    assert "manifest that cannot be read" in _refusal(_with_manifest(tmp_path, body))


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    body = json.dumps({"format": 1, **FACTS, "files": {DUMP: [1, "0"]}}).encode()
    assert _refusal(_with_manifest(tmp_path, body)).endswith(f"is not whole: {DUMP} is missing")
