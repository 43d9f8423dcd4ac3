"""Accounts, users, and who a request comes from.

A developer key is 32 random bytes, shown once and kept as its SHA-256; for passwords see `passwords`. A
request that was let in is remembered for a few seconds by the digest of what it showed, so that a busy client
does not cost a query each time: a key that is rotated or an account that is closed is refused within `KNOWN_S`.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from zoneinfo import available_timezones

from callwright.base.errors import Forbidden, NotFound, RequestError, Unauthorized
from callwright.providers.http import is_http_url
from callwright.services import passwords, retention
from callwright.store import accounts as store
from callwright.store.accounts import AccountRow, AccountTexting
from callwright.store.database import Database
from callwright.store.scope import PLATFORM, Scope

_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")

KNOWN_S = 5.0
KNOWN_MAX = 10_000

_process_key = secrets.token_bytes(32)
_known: OrderedDict[bytes, tuple[float, Scope]] = OrderedDict()


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A new user's secrets: the only time that they can be read."""

    scope: Scope
    email: str
    developer_key: str


async def create_account(db: Database, *, name: str, email: str, password: str) -> NewAccount:
    """An account with its first user. Raises `RequestError` 409 where the email is taken."""
    key = new_key()
    try:
        account_id, user_id = await store.insert_account(
            db,
            PLATFORM,
            name=name,
            webhook_secret=secrets.token_bytes(24),
            email=email,
            password_hash=await passwords.hashed(password),
            developer_key_sha256=_sha256(key),
        )
    except store.UniqueViolation:
        raise RequestError(409, f"The email {email} belongs to another user.", field="email") from None
    return NewAccount(Scope(account_id, user_id, "v1"), email, key)


async def create_user(db: Database, scope: Scope, *, email: str, password: str) -> NewAccount:
    """A further user of an account."""
    key = new_key()
    try:
        user_id = await store.insert_user(
            db, scope, email=email, password_hash=await passwords.hashed(password), developer_key_sha256=_sha256(key)
        )
    except store.UniqueViolation:
        raise RequestError(409, f"The email {email} belongs to another user.", field="email") from None
    return NewAccount(Scope(scope.account_id, user_id, "v1"), email, key)


async def get(db: Database, scope: Scope) -> AccountRow:
    return await store.account(db, scope)


async def set_logging(
    db: Database, scope: Scope, *, time_zone: str, details_days: int | None, calls_days: int | None
) -> None:
    """In which zone DEV's log lines tell times, and how many days logs are kept; None: as long as the platform does.

    Raises `RequestError`.
    """
    if time_zone not in available_timezones():
        raise RequestError(
            422, "time_zone must be a name of the IANA database, such as Europe/Vienna.", field="time_zone"
        )
    platform = await retention.platform_days(db)
    for name, days, low, high in (
        ("details_days", details_days, 0, platform.details),
        ("calls_days", calls_days, 1, platform.calls),
    ):
        if days is not None and not low <= days <= (high or 0):
            raise RequestError(422, f"{name} must be between {low} and {high}, which the platform keeps.", field=name)
    await store.set_logging(db, scope, time_zone=time_zone, details_days=details_days, calls_days=calls_days)


async def set_texting(db: Database, scope: Scope, texting: AccountTexting) -> None:
    """Who is told of texts that were refused, whether the answer says so too, and how far a stop reaches.

    Raises `RequestError`.
    """
    if texting.notification_url and not is_http_url(texting.notification_url):
        raise RequestError(422, "notification_url must be an http or https URL.", field="notification_url")
    if texting.notification_email and not _EMAIL.fullmatch(texting.notification_email):
        raise RequestError(422, "notification_email must be one e-mail address.", field="notification_email")
    await store.set_texting(db, scope, texting)


async def set_start_url_get(db: Database, scope: Scope, get: bool) -> None:
    """Whether the documents of the account's calls are asked for by GET and not by POST."""
    await store.set_start_url_get(db, scope, get)


async def grant_secure_environment(db: Database, email: str, granted: bool) -> None:
    """Open the secure environment to the account of this user, or close it: for whoever runs the platform. Numbers and
    queued calls that are in it stay in it. Raises `NotFound`."""
    user = await store.user_by_email(db, PLATFORM, email)
    if user is None:
        raise NotFound("user")
    await store.set_secure_environment(db, Scope(user.account_id, user.id, "v1"), granted)


async def require_secure_environment(db: Database, scope: Scope) -> None:
    """Raises `Forbidden` where the account was not granted it."""
    if not await store.secure_environment(db, scope):
        raise Forbidden("use the secure environment")


async def rotate_developer_key(db: Database, scope: Scope) -> str:
    """A new key; the old one is refused within a few seconds."""
    key = new_key()
    await store.set_developer_key(db, scope, _sha256(key))
    _known.clear()
    return key


async def authenticate_key(db: Database, email: str, key: str) -> Scope:
    """Whose requests these are. Raises `Unauthorized`. The scope's surface is `v1`; the Plum routes narrow it."""
    shown = hmac.digest(_process_key, f"{email.lower()}\0{key}".encode(), "sha256")
    now = time.monotonic()
    known = _known.get(shown)
    if known is not None and known[0] > now:
        return known[1]
    user = await store.user_by_email(db, PLATFORM, email)
    # Compared even where there is no such user, so that time does not tell which emails exist.
    matches = hmac.compare_digest(user.developer_key_sha256 if user else bytes(32), _sha256(key))
    if user is None or not matches:
        raise Unauthorized("unknown")
    if not user.active:
        raise Unauthorized("inactive")
    scope = Scope(user.account_id, user.id, "v1")
    _known[shown] = (now + KNOWN_S, scope)
    if len(_known) > KNOWN_MAX:
        _known.popitem(last=False)
    return scope


def new_key() -> str:
    return secrets.token_urlsafe(32)


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
