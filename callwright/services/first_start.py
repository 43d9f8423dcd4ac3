"""What the first start makes: an account with random secrets, the starter application, its numbers, and the test phone.

The secrets are kept in DATA/secrets.json (mode 0600), so that a second start finds them; what they open is in the
database like any other account, and comes into it in one transaction.
"""

import asyncio
import contextlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

from callwright.base.config import Config
from callwright.base.errors import ProviderError, RequestError
from callwright.services import (
    accounts,
    applications,
    deployments,
    numbers,
    passwords,
    publishing,
    sms_carriers,
    trunks,
)
from callwright.services.passwords import PIN_MAX
from callwright.store import accounts as stored_accounts
from callwright.store.database import Database
from callwright.store.scope import PLATFORM, Scope
from callwright.store.sms_carriers import Texting
from callwright.store.trunks import TrunkRow

EMAIL = "admin@callwright.local"
NUMBER = "8005550100"
SMS_NUMBER = "8005550101"
TEST_PHONE = "12125550101"
"The test phone that answers and presses 1."

TEST_PHONE_PREFIX = "121255501"
LOOPBACK = ("127.0.0.1", "::1")
"Where the test phone is, as SIP speaks IPv4 or IPv6."

TEST_PHONE_CHANNELS = 20
TEST_PHONE_CALLS_PER_SECOND = 10.0
LOOPBACK_TEXTS_PER_SECOND = 1000.0


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What a person or a script needs to begin."""

    email: str
    developer_key: str
    dev_login: str
    dev_password: str
    dev_pin: str
    "With the login, for DEV outbound."

    application_id: int
    deployment_id: int
    number: str
    "Leads to the starter application."

    sms_number: str
    sms_inbound_path: str
    "Where the built-in handset's texts come in (`from`, `to`, `body`)."

    test_phone: str
    "A `phone_number` that the built-in test phone answers."


async def first_start(db: Database, config: Config) -> FirstStart:
    """Make what is missing, or find it again. Raises `ProviderError` where the database has accounts and the file is gone."""
    file = config.secrets_file
    await _recover(db, file)
    if file.exists():
        # A first start of before there were PINs wrote none, and made none.
        kept = {"dev_pin": "", **json.loads(file.read_text())}
        if "sms_inbound_path" not in kept:
            # An older release had no texts yet.
            kept["sms_inbound_path"] = await _add_handset(db, kept["email"])
            _keep(file, kept)
        found = FirstStart(**kept)
        await _follow_phone(db, config, found)
        return found
    if await stored_accounts.count(db, PLATFORM):
        raise ProviderError(
            f"the database holds accounts, but {file} is gone; put it back, or start with another --data"
        )
    async with db.whole() as whole:
        made = await _make(whole, config)
        # Before the commit: where we are killed between it and the file's name, the next start finds the secrets.
        _write(_part(file), asdict(made))
    _part(file).rename(file)
    return made


async def _recover(db: Database, file: Path) -> None:
    """Take over the secrets of a first start that was killed when all was made but the file's name."""
    part = _part(file)
    if file.exists() or not part.exists():
        return
    with contextlib.suppress(ValueError, TypeError, RequestError):
        made = FirstStart(**json.loads(part.read_text()))
        await accounts.authenticate_key(db, made.email, made.developer_key)
        part.rename(file)


def _part(file: Path) -> Path:
    return file.with_suffix(".part")


def _keep(file: Path, secrets_: dict[str, object]) -> None:
    _write(_part(file), secrets_)
    _part(file).rename(file)


def _write(file: Path, secrets_: dict[str, object]) -> None:
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    with file.open("w") as opened:
        opened.write(json.dumps(secrets_, indent=2) + "\n")
        opened.flush()
        os.fsync(opened.fileno())


async def _make(db: Database, config: Config) -> FirstStart:
    password = f"{secrets.token_urlsafe(12)}-1a"
    account = await accounts.create_account(db, name="First account", email=EMAIL, password=password)
    scope = account.scope
    pin = secrets.token_hex(PIN_MAX // 2)
    await passwords.set_pin(db, scope, pin)
    document = applications.read_document(await asyncio.to_thread(starter_document))
    application_id = await applications.create(db, scope, document)
    await publishing.publish(db, scope, application_id)
    deployment_id = await deployments.create(
        db, scope, application_id=application_id, version=None, label="Appointment reminder"
    )
    await numbers.create(db, scope, address=NUMBER, deployment_id=deployment_id)
    await numbers.create(db, scope, address=SMS_NUMBER, sms=True)
    sms_inbound_path = await _handset(db, scope)
    await trunks.create(db, scope, _phone_trunk(config))
    return FirstStart(
        email=EMAIL,
        developer_key=account.developer_key,
        dev_login=EMAIL,
        dev_password=password,
        dev_pin=pin,
        application_id=application_id,
        deployment_id=deployment_id,
        number=NUMBER,
        sms_number=SMS_NUMBER,
        sms_inbound_path=sms_inbound_path,
        test_phone=TEST_PHONE,
    )


async def _handset(db: Database, scope: Scope) -> str:
    """The built-in carrier, for every number of the account that sends texts and has none. Where its texts come in."""
    carrier_id = await sms_carriers.create(
        db, scope, name="Built-in handset", type="loopback", settings={}, texts_per_second=LOOPBACK_TEXTS_PER_SECOND
    )
    for number in await numbers.listed(db, scope):
        if number.sms:
            await sms_carriers.set_texting(db, scope, number.id, Texting(carrier_id))
    carrier = await sms_carriers.get(db, scope, carrier_id)
    return f"/carriers/{carrier_id}/{carrier.token}/texts"


async def _add_handset(db: Database, email: str) -> str:
    user = await stored_accounts.user_by_email(db, PLATFORM, email)
    if user is None:
        raise ProviderError(
            f"the database has no user {email}; put back the one that it had, or start with another --data"
        )
    return await _handset(db, Scope(user.account_id, user.id, "v1"))


def starter_document() -> str:
    """The starter application, as text."""
    return (files("callwright.flow") / "starter" / "appointment_reminder.yaml").read_text()


def _phone_trunk(config: Config) -> TrunkRow:
    return TrunkRow(
        id=0,
        name="Test phone",
        host=config.phone_host,
        port=config.phone_port,
        prefix=TEST_PHONE_PREFIX,
        channels=TEST_PHONE_CHANNELS,
        calls_per_second=TEST_PHONE_CALLS_PER_SECOND,
        caller_id=NUMBER,
        enabled=True,
    )


async def _follow_phone(db: Database, config: Config, found: FirstStart) -> None:
    """The test phone may listen elsewhere this time, or have more numbers."""
    user = await stored_accounts.user_by_email(db, PLATFORM, found.email)
    if user is None:
        return
    scope = Scope(user.account_id, user.id, "v1")
    for trunk in await trunks.listed(db, scope):
        is_phone = trunk.prefix.startswith(TEST_PHONE_PREFIX) and trunk.host in LOOPBACK
        now = (TEST_PHONE_PREFIX, config.phone_host, config.phone_port)
        if is_phone and (trunk.prefix, trunk.host, trunk.port) != now:
            await trunks.update(db, scope, trunk.id, _phone_trunk(config))
