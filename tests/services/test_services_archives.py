"""Archives that people send: what is in them comes out, and those that lie about themselves do no harm."""

import gzip
import io
import random
import stat
import tarfile
import tracemalloc
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.services import archives
from callwright.services.archives import ArchiveError, Entry, entries

pytestmark = pytest.mark.pure

MAX = 1000
FILES = {"en-US/welcome.wav": b"w" * 600, "en-US/bye.wav": b"b" * 512, "empty.wav": b"", "é/日本.mp3": b"m"}


def zipped(files: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive:
        archive.mkdir("en-US")
        for path, content in files.items():
            archive.writestr(path, content)
    return out.getvalue()


def tarred(*members: tuple[tarfile.TarInfo, bytes], packed: bool = True, form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz" if packed else "w", format=form) as archive:  # type: ignore[call-overload]
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def files_tarred(files: dict[str, bytes], **options: Any) -> bytes:
    folder = tarfile.TarInfo("en-US")
    folder.type = tarfile.DIRTYPE
    return tarred((folder, b""), *((tarfile.TarInfo(path), content) for path, content in files.items()), **options)


def read(archive: bytes) -> list[Entry]:
    return list(entries(io.BytesIO(archive), MAX))


@pytest.mark.parametrize(
    "archive",
    [
        zipped(FILES),
        zipped(FILES, zipfile.ZIP_STORED),
        files_tarred(FILES),
        files_tarred(FILES, form=tarfile.GNU_FORMAT),
        files_tarred(FILES, packed=False),
    ],
    ids=["zip", "stored zip", "tar.gz", "GNU tar.gz", "tar"],
)
def test_what_is_in_it_comes_out(archive):
    assert {entry.path: entry.content for entry in read(archive)} == FILES
    first = next(entries(io.BytesIO(archive), MAX))
    assert first.content == FILES[first.path], "without the rest being read"


@pytest.mark.parametrize("make", [zipped, files_tarred])
def test_a_file_over_the_limit_is_told_and_the_others_are_read(make):
    found = {entry.path: entry for entry in read(make({"big.wav": b"x" * (MAX + 1), "small.wav": b"y"}))}
    assert found["big.wav"].content is None and "1000 bytes" in found["big.wav"].problem
    assert found["small.wav"].content == b"y"


@pytest.mark.parametrize(
    "archive",
    [b"", b"PK", b"hello", b"PK\x03\x04" + bytes(100), b"\x1f\x8bnot gzip", gzip.compress(b"x" * 600, mtime=0)],
)
def test_what_is_no_archive(archive):
    with pytest.raises(ArchiveError):
        read(archive)


@pytest.mark.parametrize("make", [zipped, files_tarred])
def test_more_files_than_it_may_have(make, monkeypatch):
    monkeypatch.setattr(archives, "ENTRIES_MAX", 3)
    with pytest.raises(ArchiveError, match="more than 3 files"):
        read(make({f"{n}.wav": b"x" for n in range(4)}))


@pytest.mark.parametrize("make", [zipped, files_tarred])
def test_more_than_it_may_unpack_to(make, monkeypatch):
    monkeypatch.setattr(archives, "UNPACKED_BYTES_MAX", 10_000)
    with pytest.raises(ArchiveError, match="unpacks to more than 10000"):
        read(make({f"{n}.wav": b"x" * 900 for n in range(50)}))


@pytest.mark.parametrize("make", [zipped, files_tarred])
def test_a_bomb_takes_no_memory(make):
    bomb = make({"bomb.wav": bytes(16 << 20)})
    assert len(bomb) < 1 << 20
    tracemalloc.start()
    (entry,) = read(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert entry.content is None and peak < 3 << 20


def test_a_zip_with_a_directory_of_many_thousand_files_is_not_read_into_memory(monkeypatch):
    monkeypatch.setattr(archives, "READ_BYTES_MAX", 100_000)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for n in range(1_000):
            archive.writestr(f"{'long' * 20}{n}.wav", b"")
    with pytest.raises(ArchiveError, match="directory is too large"):
        read(out.getvalue())


def test_a_tar_with_names_of_megabytes():
    info = tarfile.TarInfo("x.wav")
    info.pax_headers = {"comment": "x" * (2 << 20)}
    with pytest.raises(ArchiveError, match="too long a name"):
        read(tarred((info, b"x")))


def test_a_tar_of_many_entries_without_content():
    """Nothing is skipped between them; with long headers, as Python writes them for times with fractions."""
    files = []
    for number in range(1_500):
        info = tarfile.TarInfo(f"{number}.wav")
        info.pax_headers = {"mtime": "1700000000.5", "comment": "x" * 1_000}
        files.append((info, b""))
    assert len(read(tarred(*files))) == 1_500


def test_a_tar_with_headers_inside_headers_without_end():
    header = tarfile.TarInfo("pax")
    header.type = tarfile.XHDTYPE
    header.size = len(b"11 path=a\n\n") - 1
    block = header.tobuf(tarfile.USTAR_FORMAT) + b"11 path=ab\n".ljust(512, b"\0")[:512]
    with pytest.raises(ArchiveError):
        read(gzip.compress(block * 3000))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar(kind):
    info = tarfile.TarInfo("x.wav")
    info.type, info.linkname = kind, "/etc/passwd"
    (entry,) = read(tarred((info, b"")))
    assert entry.content is None and "link or a device" in entry.problem


def test_a_link_and_a_locked_file_in_a_zip():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link.wav")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("plain.wav", b"x")
        archive.writestr("odd.wav", b"x", zipfile.ZIP_LZMA)
    whole = bytearray(out.getvalue())
    # The flag of encryption, in the directory at the end.
    at = whole.rindex(b"PK\x01\x02", 0, whole.rindex(b"plain.wav"))
    whole[at + 8] |= 1
    problems = {entry.path: entry.problem for entry in read(bytes(whole))}
    assert problems["link.wav"] == "it is a link"
    assert problems["plain.wav"] == "it is encrypted"
    assert "packed in a way" in problems["odd.wav"]


@pytest.mark.parametrize("make", [zipped, files_tarred])
def test_what_comes_before_the_damage_is_read(make):
    noise = random.Random(1).randbytes(900)
    whole = make({f"{n}.wav": noise[n:] for n in range(600)})
    damaged = bytearray(whole)
    if make is zipped:
        at = whole.index(b"15.wav") + 10
        damaged[at : at + 40] = bytes(40)
        broken = {entry.path for entry in read(bytes(damaged)) if entry.content is None}
        assert broken == {"15.wav"}
    else:
        found = entries(io.BytesIO(bytes(damaged[: len(damaged) // 2])), MAX)
        assert next(found).content == noise
        with pytest.raises(ArchiveError):
            list(found)


@given(
    st.binary(max_size=300), st.integers(0, 300), st.sampled_from([zipped(FILES), files_tarred(FILES, packed=False)])
)
def test_no_archive_raises_anything_else(noise, at, archive):
    spoiled = archive[:at] + noise + archive[at + len(noise) :]
    for form in (spoiled, gzip.compress(spoiled), b"PK" + noise):
        try:
            read(form)
        except ArchiveError as error:
            assert error.message
