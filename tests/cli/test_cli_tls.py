"""HTTPS of `callwright up`: what is refused before anything starts, and what a client of it meets."""

import asyncio
import sys
from pathlib import Path

import httpx
import pytest
from tls import Authority
from up_for_tests import running

from callwright.base.trust import trusting
from callwright.cli._tls import BadTLS, check_tls, public_url


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.mark.pure
class TestRefusals:
    def test_a_pair(self, authority):
        check_tls(*authority.issue("good"))
        check_tls(None, None)

    def test_words_of_any_encoding_beside_a_certificate(self, authority, tmp_path):
        cert, key = authority.issue("words")
        commented = tmp_path / "commented.pem"
        commented.write_bytes(b"# M\xfcller\n" + cert.read_bytes())
        check_tls(commented, key)

    def test_one_without_the_other(self, authority):
        cert, key = authority.issue("alone")
        for pair in ((cert, None), (None, key)):
            with pytest.raises(BadTLS, match="belong together"):
                check_tls(*pair)

    def test_a_file_that_is_not_there(self, authority, tmp_path):
        cert, key = authority.issue("there")
        with pytest.raises(BadTLS, match=r"--tls-cert .*nothing cannot be read: No such file"):
            check_tls(tmp_path / "nothing", key)
        with pytest.raises(BadTLS, match=r"--tls-key .*nothing cannot be read: No such file"):
            check_tls(cert, tmp_path / "nothing")
        with pytest.raises(BadTLS, match=r"--tls-key .* cannot be read: Is a directory"):
            check_tls(cert, tmp_path)

    def test_another_key(self, authority):
        cert, _ = authority.issue("one")
        _, key = authority.issue("two")
        with pytest.raises(BadTLS, match=r"two\.key is not the key of the certificate in .*one\.pem"):
            check_tls(cert, key)

    def test_an_encrypted_key(self, authority):
        with pytest.raises(BadTLS, match="encrypted"):
            check_tls(*authority.issue("encrypted", password=b"secret"))

    def test_files_that_hold_something_else(self, authority, tmp_path):
        cert, key = authority.issue("real")
        other = tmp_path / "other.pem"
        for content in (b"", b"\xff\0", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
            other.write_bytes(content)
            with pytest.raises(BadTLS, match="holds no certificate"):
                check_tls(other, key)
            with pytest.raises(BadTLS, match="holds no private key"):
                check_tls(cert, other)
        with pytest.raises(BadTLS, match="holds no certificate"):
            check_tls(key, cert)

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("https://voice.example.com", "https://voice.example.com"),
            ("https://voice.example.com:8443/plum/", "https://voice.example.com:8443/plum"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
        ],
    )
    def test_a_public_url(self, given, kept):
        assert public_url(given) == kept

    @pytest.mark.parametrize(
        "given",
        [
            "voice.example.com",
            "ftp://x",
            "https://",
            "https://x?a",
            "https://x#a",
            "https://a:b@x",
            "https://x:0",
            "https://x:99999",
            "https://x>; rel=evil",
            "https://x y",
            "https://x\r\nA: b",
            "",
        ],
    )
    def test_no_public_url(self, given):
        with pytest.raises(BadTLS, match="--public-url"):
            public_url(given)


@pytest.mark.wire
async def test_links_and_what_is_printed_name_the_public_url(data_dir: Path, authority, capfd) -> None:
    cert, key = authority.issue("server")
    public = "https://voice.example.test/plum"
    async with running(data_dir, "--tls-cert", str(cert), "--tls-key", str(key), "--public-url", f"{public}/") as up:
        ready = up.ready
        assert ready["public_url"] == public
        assert ready["base_url"].startswith("https://127.0.0.1:")
        auth = (ready["email"], ready["developer_key"])
        path = f"/api/apps/{ready['application_id']}/{ready['deployment_id']}/queue"
        trusted = trusting(authority.ca.read_text())
        async with httpx.AsyncClient(base_url=ready["base_url"], auth=auth, verify=trusted, trust_env=False) as api:
            fields = {"phone_number": "12125550101", "start_timestamp": "4000000000"}
            reply = await api.post(path, data=fields)
            assert reply.headers["link"] == f'<{public}/api/outbound/{reply.json()["call_id"]}>; rel="status"'
        async with httpx.AsyncClient(trust_env=False) as stranger:
            with pytest.raises(httpx.ConnectError):
                await stranger.get(ready["base_url"])
            with pytest.raises(httpx.TransportError):
                await stranger.get(ready["base_url"].replace("https:", "http:"))


@pytest.mark.wire
async def test_a_wrong_key_is_told_in_one_line(data_dir: Path, authority) -> None:

    cert, _ = authority.issue("first")
    _, key = authority.issue("second")
    command = [sys.executable, "-P", "-m", "callwright", "up", "--data", str(data_dir)]
    process = await asyncio.create_subprocess_exec(
        *command, "--tls-cert", str(cert), "--tls-key", str(key), stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert said.decode().splitlines() == [f"Error: --tls-key {key} is not the key of the certificate in {cert}"]
