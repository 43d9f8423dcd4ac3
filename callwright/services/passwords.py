"""Passwords: kept as argon2id, and shown by DEV clients on every request.

A hash costs some 30 ms and 19 MB, on purpose. So a password that was right is remembered for a minute by a digest
of login, password and the hash that it was checked against: with the password changes the hash, and what was
remembered fits no more, in any process. A client that keeps failing is refused before anything is hashed, and so is
everybody while too many wait for a hash: guessing must not keep others out.
"""

import asyncio
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from callwright.base.errors import RequestError, Unauthorized
from callwright.store import accounts as store
from callwright.store.database import Database
from callwright.store.scope import PLATFORM, Scope

T = TypeVar("T")

KNOWN_S = 60.0
KNOWN_MAX = 10_000

WINDOW_S = 60.0
FAILURES_MAX = 10
"Wrong passwords of one client for one login in a window: more is guessing."

CLIENT_FAILURES_MAX = 100
"The same over all logins: a client may serve several people behind one address."

CLIENTS_MAX = 20_000
"Counted at once; the oldest are forgotten first."

WAITING_MAX = 50
"Hashes at once, running or not: the last of them waits about a second."

PIN_MIN, PIN_MAX = 6, 16
"Plum's are at most 16 characters; below six the limits of failures would not keep guesses out."

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_hashing = ThreadPoolExecutor(2, thread_name_prefix="argon2")
"Never in the event loop, and never many at once."

_process_key = secrets.token_bytes(32)
_known: OrderedDict[bytes, float] = OrderedDict()
"Until when a digest is believed."

_waiting = 0

_nobody = _hasher.hash(secrets.token_urlsafe(16))
"What a password is checked against where there is no such user, so that time does not tell which logins exist."


class _Failures:
    """How often each client has failed in its window. An attempt counts until it turns out to have been right."""

    def __init__(self) -> None:
        self._counted: OrderedDict[tuple[str, ...], tuple[float, int]] = OrderedDict()

    def begin(self, *limits: tuple[tuple[str, ...], int]) -> None:
        """Count an attempt under each key. Raises `RequestError` 429 where one of them has had its limit."""
        now = time.monotonic()
        for key, limit in limits:
            until, count = self._counted.get(key, (0.0, 0))
            if until > now and count >= limit:
                raise RequestError(429, "Too many failed attempts, try again in a minute.")
        for key, _ in limits:
            until, count = self._counted.get(key, (0.0, 0))
            self._counted[key] = (until, count + 1) if until > now else (now + WINDOW_S, 1)
            self._counted.move_to_end(key)
        while len(self._counted) > CLIENTS_MAX:
            self._counted.popitem(last=False)

    def take_back(self, *keys: tuple[str, ...]) -> None:
        for key in keys:
            if key in self._counted:
                until, count = self._counted[key]
                self._counted[key] = (until, count - 1)


_failures = _Failures()


async def authenticate(db: Database, login: str, password: str, *, client: str, pin: bool = False) -> Scope:
    """Whose requests these are, by the login (the user's email) and password of the web site, or the user's PIN.

    `client` is the address that asks. Raises `Unauthorized`, or `RequestError` 429 after too many failures and 503
    while too many wait.
    """
    user = await store.user_by_email(db, PLATFORM, login)
    kept = (user.pin_hash if pin else user.password_hash) if user else None
    shown = hmac.digest(_process_key, f"{login.lower()}\0{password}\0{kept or _nobody}".encode(), "sha256")
    if _known.get(shown, 0.0) <= time.monotonic():
        mine, everybody = (client, login.lower()), (client,)
        _failures.begin((mine, FAILURES_MAX), (everybody, CLIENT_FAILURES_MAX))
        right = await _in_thread(_verify, kept or _nobody, password)
        if kept is None or not right:
            raise Unauthorized("unknown")
        _failures.take_back(mine, everybody)
        _known[shown] = time.monotonic() + KNOWN_S
        _known.move_to_end(shown)
        if len(_known) > KNOWN_MAX:
            _known.popitem(last=False)
    assert user is not None, "what nobody has was never right"
    if not user.active:
        raise Unauthorized("inactive")
    return Scope(user.account_id, user.id, "v1")


async def change(db: Database, scope: Scope, password: str) -> None:
    """A new password of the scope's user; the old one is refused from the next request on."""
    await store.set_password(db, scope, await hashed(password))


async def set_pin(db: Database, scope: Scope, pin: str) -> None:
    """The PIN of the scope's user for DEV outbound. Raises `RequestError` 400 for one that is too short or too long."""
    if not PIN_MIN <= len(pin) <= PIN_MAX or not (pin.isascii() and pin.isprintable()):
        raise RequestError(400, f"pin must be {PIN_MIN} to {PIN_MAX} characters of ASCII.", field="pin")
    await store.set_pin(db, scope, await hashed(pin))


async def hashed(password: str) -> str:
    return await _in_thread(_hasher.hash, password)


def _verify(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


async def _in_thread(work: Callable[..., T], *arguments: str) -> T:
    global _waiting
    if _waiting >= WAITING_MAX:
        raise RequestError(503, "Too many are logging in at this moment, try again.")
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_hashing, work, *arguments)
    finally:
        _waiting -= 1
