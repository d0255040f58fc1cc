"""Passwords, hashed with argon2id away from the event loop."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


class Passwords:
    """Hashes and verifies in a few threads; argon2 lets go of the GIL."""

    def __init__(self, hasher: PasswordHasher, *, threads: int) -> None:
        self._hasher = hasher
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._nobodys = hasher.hash(secrets.token_hex())

    async def hash(self, password: str) -> str:
        """What is stored of a password."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether `stored` is of this password; False for None, after as much work as for a wrong password."""
        right = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._matches, password, stored or self._nobodys
        )
        return right and stored is not None

    def _matches(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
