"""`callwright up` as its users and their scripts meet it: the whole platform, in processes of its own."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from up_for_tests import GONE_S_MAX, READY_S_MAX, Up, running, until

from callwright.cli._address import Address, AddressType
from callwright.cli._options import phone_of
from callwright.cli._platform import CannotStart, Options, Platform
from callwright.cli._postgres import EmbeddedPostgres
from callwright.cli.up import command as up_command

pytestmark = pytest.mark.wire

ANY = Address("127.0.0.1", 0)

READY_FIELDS = {
    "base_url",
    "public_url",
    "email",
    "developer_key",
    "dev_login",
    "dev_password",
    "dev_pin",
    "application_id",
    "deployment_id",
    "number",
    "sms_number",
    "sms_inbound_url",
    "metrics_token",
    "sip",
    "test_phone",
    "phone",
    "recordings_dir",
    "pids",
}


def _is_gone(pid: int) -> bool:
    """Dead, or a zombie whose parent has not looked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def _family(pid: int) -> set[int]:
    """A process with everything below it."""
    family = {pid}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                family |= _family(int(child))
    return family


async def _status(base_url: str) -> int:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        return (await client.get(base_url)).status_code


async def test_it_tells_scripts_what_they_need_and_stops_at_ctrl_c(data_dir: Path) -> None:
    async with running(data_dir) as first:
        ready = first.ready
        assert ready.keys() == READY_FIELDS
        assert first.ready_file.stat().st_mode & 0o777 == 0o600
        for name in ("secrets.json", "sealing.key"):
            assert (data_dir / name).stat().st_mode & 0o777 == 0o600
        assert set(ready["pids"]) == {"up", "postgres", "pool", "web", "jobs", "engine", "phone"}
        assert ready["pids"]["up"] == first.process.pid
        assert not any(map(_is_gone, ready["pids"].values()))
        assert await _status(ready["base_url"]) < 500
        family = _family(first.process.pid)
        assert family >= set(ready["pids"].values())
        started = time.monotonic()
        first.process.send_signal(signal.SIGINT)
        assert await first.ended() == 0
        await until(lambda: all(map(_is_gone, family)), 0.5)
        assert time.monotonic() - started < GONE_S_MAX
        assert not first.ready_file.exists()
    async with running(data_dir) as second:
        stay = READY_FIELDS - {"base_url", "public_url", "sms_inbound_url", "sip", "phone", "pids"}
        assert {name: second.ready[name] for name in stay} == {name: ready[name] for name in stay}


async def test_nothing_survives_its_kill_and_the_next_start_works(data_dir: Path) -> None:
    async with running(data_dir) as first:
        ready = first.ready
        family = _family(first.process.pid)
        first.process.kill()
        started = time.monotonic()
        await until(lambda: all(map(_is_gone, family)), GONE_S_MAX)
        assert time.monotonic() - started < GONE_S_MAX
    first.ready_file.unlink()
    # The same ports at once: they may be let go only while it waits.
    port = ready["base_url"].rpartition(":")[2]
    async with running(data_dir, "--http", f"127.0.0.1:{port}", "--sip", ready["sip"]) as second:
        assert second.ready["base_url"] == ready["base_url"]
        assert second.ready["application_id"] == ready["application_id"]


async def test_a_crashed_process_comes_back(data_dir: Path) -> None:
    async with running(data_dir) as up:
        for role in ("engine", "web", "jobs", "pool", "phone", "postgres"):
            before = up.ready["pids"][role]
            os.kill(before, signal.SIGKILL)
            await until(lambda role=role, before=before: _pid(up, role) not in (None, before), READY_S_MAX)
            assert await _status(up.ready["base_url"]) < 500
        assert up.process.returncode is None


def _pid(up: Up, role: str) -> int | None:
    """As the ready file has it now; None while the role is on its way back."""
    pids: dict[str, int] = json.loads(up.ready_file.read_text())["pids"]
    return pids.get(role)


async def test_a_drained_platform_ends_by_itself(data_dir: Path) -> None:
    async with running(data_dir, "--drain") as up:
        family = _family(up.process.pid)
        up.process.send_signal(signal.SIGTERM)
        assert await up.ended() == 0
        await until(lambda: all(map(_is_gone, family)), 0.5)


async def test_a_server_of_ones_own(data_dir: Path) -> None:
    own = EmbeddedPostgres(data_dir / "own", throwaway=True)
    await own.start()
    try:
        async with running(data_dir, env={**os.environ, "DATABASE_URL": own.url}) as up:
            assert "postgres" not in up.ready["pids"]
            assert await _status(up.ready["base_url"]) < 500
        assert not (data_dir / "postgres").exists()
    finally:
        await own.stop()


async def _refusal(options: Options) -> str:
    with pytest.raises(CannotStart) as refused:
        async with Platform(options, lambda line: None):
            pass
    return str(refused.value)


async def test_a_taken_port_is_named_with_its_option(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        http, sip = (Address(*taken.getsockname()) for taken in (tcp, udp))
        said = await _refusal(Options(data_dir, http=http, sip=ANY, phone=ANY))
        assert re.fullmatch(
            rf"cannot listen on 127\.0\.0\.1:{http.port} \(TCP\): .* in use\. .*--http HOST:PORT.*", said
        )
        said = await _refusal(Options(data_dir, http=ANY, sip=sip, phone=ANY))
        assert re.fullmatch(rf"cannot listen on 127\.0\.0\.1:{sip.port} \(UDP\): .* in use\. .*--sip HOST:PORT.*", said)
        said = await _refusal(Options(data_dir, http=ANY, sip=ANY, phone=sip))
        assert "--phone HOST:PORT" in said
        said = await _refusal(Options(data_dir, http=ANY, sip=ANY, phone=ANY, sip_tcp=http))
        assert "--sip-tcp HOST:PORT" in said and "(TCP)" in said
    assert not (data_dir / "postgres").exists()


async def test_sip_over_tls_needs_a_certificate(data_dir: Path) -> None:
    said = await _refusal(Options(data_dir, http=ANY, sip=ANY, phone=ANY, sip_tls=ANY))
    assert "--sip-tls" in said and "--tls-cert" in said


async def test_sip_is_told_an_address_that_far_ends_can_use(data_dir: Path) -> None:
    said = await _refusal(Options(data_dir, http=ANY, sip=Address("fe80::1%lo", 5060), phone=ANY))
    assert said.startswith("--sip [fe80::1%lo]:5060 is a link-local address") and "[::]" in said


@pytest.mark.parametrize(
    ("sip", "public", "why"),
    [
        ("127.0.0.1", "203.0.113.10", "is reached by nobody else"),
        ("0.0.0.0", "2001:db8::10", "one is IPv4 and the other IPv6"),
        ("2001:db8::1", "203.0.113.10", "one is IPv4 and the other IPv6"),
    ],
)
async def test_a_public_address_is_for_where_sip_listens(data_dir: Path, sip: str, public: str, why: str) -> None:
    phone = phone_of(None, Address(sip, 0))
    said = await _refusal(Options(data_dir, http=ANY, sip=Address(sip, 0), phone=phone, public_ip=public))
    assert said.startswith(f"--public-ip {public}") and f"--sip {Address(sip, 0)}" in said and why in said


@pytest.mark.parametrize(
    "wrong", ["voice.example.com", "10.0.0.5", "127.0.0.1", "0.0.0.0", "fe80::1", "203.0.113.10:5060"]
)
def test_a_public_address_is_one_that_everybody_reaches(wrong: str) -> None:
    refused = CliRunner().invoke(up_command, ["--public-ip", wrong])
    assert refused.exit_code == 2 and "--public-ip" in refused.output and wrong in refused.output


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "localhost"])
async def test_the_test_phone_is_for_this_machine_alone(data_dir: Path, host: str) -> None:
    said = await _refusal(Options(data_dir, http=ANY, sip=ANY, phone=Address(host, 0)))
    assert said.startswith(f"--phone {Address(host, 0)}: the test phone") and "127.0.0.1 or [::1]" in said


@pytest.mark.parametrize(("sip", "phone"), [("::1", "127.0.0.1"), ("127.0.0.1", "::1"), ("0.0.0.0", "::1")])
async def test_the_test_phone_is_of_the_family_of_sip(data_dir: Path, sip: str, phone: str) -> None:
    said = await _refusal(Options(data_dir, http=ANY, sip=Address(sip, 0), phone=Address(phone, 0)))
    assert "one is IPv4 and the other IPv6" in said
    assert phone_of(None, Address("::1", 5060)) == Address("::1", 5062)
    assert phone_of(None, Address("::", 0)) == Address("127.0.0.1", 0)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
async def test_http_beyond_this_machine_needs_a_proxy(data_dir: Path, host: str) -> None:
    said = await _refusal(Options(data_dir, http=Address(host, 0), sip=ANY, phone=ANY))
    assert "--behind-proxy" in said and str(Address(host, 0)) in said


@pytest.mark.parametrize(
    ("host", "tls", "url"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:8080"),
        ("::1", True, "https://[::1]:8080"),
        ("::", False, "http://[::1]:8080"),
        ("0.0.0.0", True, "https://127.0.0.1:8080"),
    ],
)
def test_where_this_machine_asks_the_api(host: str, tls: bool, url: str) -> None:
    assert Address(host, 8080).url(tls=tls) == url


async def test_a_network_to_allow_is_a_cidr(data_dir: Path) -> None:
    said = await _refusal(Options(data_dir, http=ANY, sip=ANY, phone=ANY, allow_urls=("10.0.0.1/8",)))
    assert said == "--allow-url 10.0.0.1/8 has host bits set"


async def test_a_data_directory_has_one_platform(data_dir: Path) -> None:
    async with running(data_dir) as up:
        said = await _refusal(Options(data_dir, http=ANY, sip=ANY, phone=ANY))
        assert said == f"process {up.process.pid} already runs with --data {data_dir}."


async def test_a_database_that_cannot_be_used(data_dir: Path) -> None:
    nowhere = f"postgresql://callwright@/callwright?host={data_dir}"
    said = await _refusal(Options(data_dir, http=ANY, sip=ANY, phone=ANY, database_url=nowhere))
    assert said.startswith("the database cannot be used: ")
    own = EmbeddedPostgres(data_dir / "own", throwaway=True)
    await own.start()
    try:
        stranger = own.url.replace("callwright@", "stranger:geheim@")
        said = await _refusal(Options(data_dir, http=ANY, sip=ANY, phone=ANY, database_url=stranger))
        assert said == 'the database cannot be used: role "stranger" does not exist'
        said = await _refusal(Options(data_dir, http=ANY, sip=ANY, phone=ANY, database_url="geheim"))
        assert said.startswith("the database cannot be used: ") and "geheim" not in said
    finally:
        await own.stop()


@pytest.mark.parametrize("value", ["8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:http", ":8080"])
def test_an_address_has_a_host_and_a_port(value: str, data_dir: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "callwright", "up", "--data", str(data_dir), "--http", value],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ran.returncode == 2
    assert f"'{value}' is not of the form HOST:PORT" in ran.stderr


@pytest.mark.parametrize("wrong", ["dns.example.com:53", "192.0.2.53:0", "192.0.2.53"])
def test_a_name_server_is_an_ip_address_and_a_port(wrong: str) -> None:
    refused = CliRunner().invoke(up_command, ["--name-server", wrong])
    assert refused.exit_code == 2 and "--name-server" in refused.output and wrong in refused.output


@pytest.mark.parametrize(
    ("text", "shown"),
    [("[::1]:5060", "[::1]:5060"), ("[0:0::0]:5060", "[::]:5060"), ("[::ffff:192.0.2.1]:0", "192.0.2.1:0")],
)
def test_an_ipv6_address_is_given_in_brackets(text: str, shown: str) -> None:
    assert str(AddressType().convert(text, None, None)) == shown
