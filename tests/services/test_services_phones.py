"""Telephones of accounts and their bindings: what is refused, what a REGISTER leaves behind, and that nothing crosses."""

import asyncio
from dataclasses import replace

import pytest
from sip_requests import register

from callwright.base.errors import NotFound, RequestError
from callwright.services import engines, phones
from callwright.services.phones import HIDDEN, NewPhone
from callwright.sip.registration import BINDINGS_MAX, read
from callwright.store.database import Database
from callwright.store.phones import BindingRow, KnownPhone, OutOfOrder

pytestmark = pytest.mark.store

SOURCE = ("198.51.100.9", 33000)
NOW = 1_800_000_000.0


async def _phone(db: Database, scope, name: str = "ann", extension: str | None = None) -> KnownPhone:
    await phones.create(db, scope, NewPhone(name, extension))
    (known,) = [one for one in await phones.known(db) if one.name == name]
    return known


async def _register(
    db: Database,
    phone: KnownPhone,
    *contacts: str,
    now: float = NOW,
    number: int = 1,
    call_id: str = "c",
    **headers: str,
) -> list[BindingRow] | None:
    engine = await _engine(db)
    asking = read(register(*contacts, number=number, call_id=call_id, **headers), SOURCE, reliable=True)
    return await phones.register(
        db, phone, asking, source=SOURCE, transport="tcp", engine_id=engine, user_agent="test", now=now
    )


async def _engine(db: Database) -> int:
    found = await db.pool.fetchval("SELECT max(id) FROM engines")
    return found or (await engines.register(db, "here", NOW)).id


class TestPhones:
    async def test_a_secret_is_made_kept_sealed_and_changed(self, db, world):
        phone_id, secret = await phones.create(db, world.scope, NewPhone("ann"))
        (known,) = await phones.known(db)
        assert phones.secret_of(db, known) == secret and len(secret) == 20
        assert secret.encode() not in known.sealed_secret
        await phones.update(db, world.scope, phone_id, NewPhone("ann", "201"), HIDDEN)
        (known,) = await phones.known(db)
        assert (phones.secret_of(db, known), known.caller) == (secret, "201")
        await phones.update(db, world.scope, phone_id, NewPhone("ann", enabled=False), "another secret")
        assert await phones.known(db) == []

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            (NewPhone("a b"), "name"), (NewPhone("a" * 65), "name"), (NewPhone("ann", "1"), "extension"),
            (NewPhone("ann", "1234567"), "extension"), (NewPhone("ann", display_name="a\r\nb"), "display_name"),
        ],
    )  # fmt: skip
    async def test_what_is_refused_is_named(self, db, world, wrong, field):
        with pytest.raises(RequestError) as refused:
            await phones.create(db, world.scope, wrong)
        assert (refused.value.status, refused.value.field) == (400, field)
        with pytest.raises(RequestError, match="secret"):
            await phones.create(db, world.scope, NewPhone("ann"), "short")

    async def test_what_is_taken(self, db, world, other):
        await phones.create(db, world.scope, NewPhone("ann", "201"))
        for scope, phone, field in (
            (world.scope, NewPhone("bob", "201"), "extension"),
            (other.scope, NewPhone("ann"), "name"),
        ):
            with pytest.raises(RequestError) as refused:
                await phones.create(db, scope, phone)
            assert (refused.value.status, refused.value.field) == (409, field)
        await phones.create(db, other.scope, NewPhone("bob", "201"))

    async def test_another_account_sees_and_changes_nothing(self, db, world, other):
        phone = await _phone(db, world.scope, extension="201")
        await _register(db, phone, "<sip:ann@198.51.100.9>", now=NOW * 2)
        assert len(await phones.bindings(db, world.scope, phone.id)) == 1
        assert await phones.listed(db, other.scope) == await phones.bindings(db, other.scope, phone.id) == []
        assert await phones.called(db, other.scope, "ann") is await phones.called(db, other.scope, "201") is None
        for ask in (
            phones.get(db, other.scope, phone.id),
            phones.delete(db, other.scope, phone.id),
            phones.update(db, other.scope, phone.id, NewPhone("eve")),
        ):
            with pytest.raises(NotFound):
                await ask
        assert (await phones.get(db, world.scope, phone.id)).name == "ann"

    async def test_an_extension_goes_before_a_name(self, db, world):
        by_extension = await _phone(db, world.scope, "ann", "201")
        by_name = await _phone(db, world.scope, "201", "202")
        await _register(db, by_extension, "<sip:ann@198.51.100.9>", now=NOW * 2)
        await _register(db, by_name, "<sip:other@198.51.100.9>", now=NOW * 2)
        assert [one.uri for one in await phones.called(db, world.scope, "201")] == ["sip:ann@198.51.100.9"]


class TestBindings:
    async def test_each_register_leaves_what_it_says(self, db, world):
        phone = await _phone(db, world.scope)
        here, there = "<sip:ann@198.51.100.9>", "<sip:ann@198.51.100.10>"

        async def after(*contacts: str, **options: object) -> list[tuple[str, float]]:
            rows = await _register(db, phone, *contacts, **options)
            return [(row.uri[-2:], row.expires_at - NOW) for row in rows]

        assert await after(here, expires="600") == [(".9", 600)]
        assert await after(there, number=2, expires="300") == [("10", 300), (".9", 600)]
        assert await after(number=3) == [("10", 300), (".9", 600)]
        assert await after(here, number=4, expires="0") == [("10", 300)]
        assert await after(here, number=5, now=NOW + 301, expires="60") == [(".9", 361)]
        assert await after("*", number=6, now=NOW + 301, expires="0") == []

    async def test_one_that_is_older_changes_nothing(self, db, world):
        phone = await _phone(db, world.scope)
        await _register(db, phone, "<sip:ann@198.51.100.9>", number=7)
        for number in (7, 6):
            with pytest.raises(OutOfOrder):
                await _register(db, phone, "<sip:ann@198.51.100.9>;expires=0", number=number)
        (kept,) = await _register(db, phone, number=8)
        assert kept.expires_at == NOW + 3600
        assert await _register(db, phone, "<sip:ann@198.51.100.9>;expires=0", number=1, call_id="after a restart") == []

    async def test_too_many_push_out_the_oldest(self, db, world):
        phone = await _phone(db, world.scope)
        for number in range(BINDINGS_MAX + 3):
            rows = await _register(db, phone, f"<sip:ann@192.0.2.{number}>", now=NOW + number, number=number + 1)
        assert {row.uri for row in rows} == {f"sip:ann@192.0.2.{number}" for number in range(3, BINDINGS_MAX + 3)}

    async def test_at_once_they_come_one_after_the_other(self, db, world):
        phone = await _phone(db, world.scope)
        await _engine(db)
        both = [
            _register(db, phone, f"<sip:ann@192.0.2.{number}>", number=number, call_id=str(number))
            for number in range(1, 9)
        ]
        assert len(max(await asyncio.gather(*both), key=len)) == 8

    async def test_one_that_is_gone_or_disabled_registers_nowhere(self, db, world):
        phone = await _phone(db, world.scope)
        await _register(db, phone, "<sip:ann@198.51.100.9>", now=NOW * 2)
        await phones.update(db, world.scope, phone.id, NewPhone("ann", enabled=False))
        assert await phones.bindings(db, world.scope, phone.id) == []
        assert await _register(db, phone, "<sip:ann@198.51.100.9>", number=2) is None
        assert await _register(db, replace(phone, id=phone.id + 1), "<sip:ann@198.51.100.9>") is None

    async def test_what_has_run_out_is_swept(self, db, world):
        phone = await _phone(db, world.scope)
        await _register(db, phone, "<sip:ann@198.51.100.9>")
        await phones.sweep(db, NOW + 3601)
        assert await db.pool.fetchval("SELECT count(*) FROM phone_bindings") == 0
