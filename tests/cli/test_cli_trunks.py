"""`callwright trunks` against the API."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from click.testing import CliRunner, Result
from served import served_here
from tls import Authority

from callwright.base.config import Config
from callwright.base.errors import RequestError
from callwright.cli.trunks import command
from callwright.providers.http import GuardedClient
from callwright.providers.pool_client import PoolClient
from callwright.services import phones, trunks
from callwright.web.app import create_app

pytestmark = pytest.mark.store


@pytest.fixture
async def server(db, database_url, tmp_path) -> AsyncIterator[str]:
    """The API on a free port."""
    http = GuardedClient((), True)
    config = Config(data_dir=str(tmp_path / "data"), database_url=database_url)
    async with served_here(create_app(config, db, http, PoolClient(config.pool_socket))) as url:
        yield url
    await http.aclose()


async def test_added_changed_listed_and_removed(server, db, world, other, tmp_path):
    async def callwright(*arguments: str, whose=world) -> Result:
        options = ["--url", server, "--user", whose.account.email, "--key", whose.account.developer_key]
        return await asyncio.to_thread(CliRunner().invoke, command, [arguments[0], *options, *arguments[1:]])

    authority = Authority(tmp_path)
    before = {row.id for row in await trunks.listed(db, world.scope)}
    added = await callwright(
        *(
            "add",
            "Carrier",
            "--host",
            "sip.example.com",
            "--port",
            "5061",
            "--transport",
            "tls",
            "--prefix",
            "44",
            "--srtp",
        ),
        *("--username", "ann", "--password", "s3cr3t", "--codecs", "pcma, G722", "--authority", str(authority.ca)),
        *("--address", "203.0.113.0/24", "--address", "198.51.100.7"),
    )
    assert added.exit_code == 0, added.output
    trunk_id = int(added.output)

    async def kept():
        (row,) = [row for row in await trunks.listed(db, world.scope) if row.id not in before]
        return row

    row = await kept()
    assert (row.id, row.name, row.host, row.codecs, row.srtp) == (
        trunk_id,
        "Carrier",
        "sip.example.com",
        ["pcma", "g722"],
        True,
    )
    assert row.certificate_authority == authority.ca.read_text()
    assert row.addresses == ["203.0.113.0/24", "198.51.100.7/32"]
    shown = (await callwright("list")).output
    assert "tls sip.example.com:5061  prefix 44, srtp, pcma g722, own authority" in shown and "s3cr3t" not in shown
    assert (await callwright("change", str(trunk_id), "--codecs", "", "--disabled")).exit_code == 0
    row = await kept()
    assert (row.codecs, row.enabled, row.srtp, row.prefix) == ([], False, True, "44"), "all else stays"
    assert trunks.credentials(db, row.username, row.sealed_password).password == "s3cr3t"
    (tmp_path / "none.pem").write_text("nothing")
    for wrong, told in (
        (
            ("change", str(trunk_id), "--authority", str(tmp_path / "none.pem")),
            "certificate_authority must be certificates",
        ),
        (("change", str(trunk_id), "--codecs", "gsm"), "codecs must be of g722, opus, pcma, pcmu"),
        (("change", "999999", "--codecs", "pcma"), "There is no trunk 999999."),
        (("add", "x", "--host", "a b"), "host"),
    ):
        refused = await callwright(*wrong)
        assert refused.exit_code != 0 and told in refused.output, refused.output
    assert (await callwright("remove", str(trunk_id), whose=other)).exit_code == 1
    assert (await callwright("remove", str(trunk_id))).exit_code == 0
    assert {row.id for row in await trunks.listed(db, world.scope)} == before
    assert (await callwright("list", whose=other)).output.count("Carrier") == 0


async def test_a_trunk_that_proves_its_calls(server, db, world, other):
    """Its secret is made and printed once, or given; no surface shows it again."""

    async def callwright(*arguments: str) -> str:
        options = ["--url", server, "--user", world.account.email, "--key", world.account.developer_key]
        done = await asyncio.to_thread(CliRunner().invoke, command, [arguments[0], *options, *arguments[1:]])
        return done.output

    async def kept(trunk_id: str):
        (row,) = [row for row in await trunks.known(db) if row.id == int(trunk_id)]
        return row.peer_username, row.peer_digest, trunks.peer_secret_of(db, row) if row.sealed_peer_secret else None

    trunk_id, word, made = (await callwright("add", "Switch", "--peer-username", "branch-1")).split()
    assert word == "Secret" and len(made) == 20
    assert await kept(trunk_id) == ("branch-1", "md5", made)
    shown = await callwright("list")
    assert "is not called  all numbers, calls as branch-1" in shown and made not in shown
    assert await callwright("change", trunk_id, "--peer-digest", "both", "--channels", "7") == ""
    assert await kept(trunk_id) == ("branch-1", "both", made), "what is not said stays"
    assert await callwright("change", trunk_id, "--peer-secret", "another-secret") == ""
    assert await kept(trunk_id) == ("branch-1", "both", "another-secret")
    for wrong, told in (
        (("change", trunk_id, "--peer-secret", "short"), "peer_secret must be 8 to 200 printable characters"),
        (("change", trunk_id, "--address", "203.0.113.0/24"), "addresses must be empty"),
        (("change", trunk_id, "--peer-username", ""), "host must be a host name"),
        (("change", trunk_id, "--registers", "--username", "ann"), "host must be a host name"),
        (("add", "Second", "--peer-username", "branch-1"), "The name branch-1 is taken."),
        (("add", "Second", "--host", "192.0.2.1", "--peer-secret", "s3cr3t-s3cr3t"), "peer_username must be given"),
        (("add", "Second",), "host must be a host name"),
    ):  # fmt: skip
        assert told in await callwright(*wrong), wrong
    # One that was called only comes to prove its calls, and no more.
    plain = (await callwright("add", "Plain", "--host", "192.0.2.1", "--prefix", "998")).strip()
    again, word, secret = f"{plain} {await callwright('change', plain, '--peer-username', 'branch-2')}".split()
    assert await kept(again) == ("branch-2", "md5", secret)
    assert await callwright("change", plain, "--peer-username", "") == ""
    assert await kept(plain) == ("", "md5", None)
    # Phones and trunks are told apart by their names alone.
    with pytest.raises(RequestError, match="The name branch-1 is taken"):
        await phones.create(db, other.scope, phones.NewPhone("branch-1"))
    await phones.create(db, other.scope, phones.NewPhone("desk"))
    assert "The name desk is taken." in await callwright("change", trunk_id, "--peer-username", "desk")
    # Nothing goes to one that is nowhere.
    assert (await trunks.for_number(db, world.scope, "99812345")).name == "Plain"
    assert await callwright("change", trunk_id, "--prefix", "998123") == ""
    assert (await trunks.for_number(db, world.scope, "99812345")).name == "Plain"
    for one in (trunk_id, plain):
        await callwright("remove", one)
