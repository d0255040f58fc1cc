import asyncio
import threading

import pytest
from argon2 import PasswordHasher

from sut.passwords import Passwords

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Watched(PasswordHasher):
    """Remembers in which threads it has worked, and on how many passwords."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.threads: list[str] = []

    def verify(self, *given: object) -> bool:
        self.threads.append(threading.current_thread().name)
        return super().verify(*given)  # type: ignore[arg-type]  # passed on


def passwords() -> Passwords:
    return Passwords(CHEAP, threads=1)


def test_a_password_is_known_again_and_stored_as_argon2id_with_its_cost() -> None:
    async def story() -> tuple[str, bool, bool]:
        known = passwords()
        stored = await known.hash("correct horse")
        return stored, await known.verify("correct horse", stored), await known.verify("wrong horse", stored)

    stored, right, wrong = asyncio.run(story())
    assert stored.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert (right, wrong) == (True, False)


def test_two_hashes_of_a_password_differ() -> None:
    async def story() -> set[str]:
        known = passwords()
        return {await known.hash("correct horse") for _ in range(2)}

    assert len(asyncio.run(story())) == 2


@pytest.mark.parametrize("stored", ["", "nonsense", "$argon2id$v=19$m=8,t=1,p=1$YWJj$ZGVm"])
def test_a_damaged_hash_opens_nothing(stored: str) -> None:
    assert asyncio.run(passwords().verify("correct horse", stored)) is False


def test_nobody_is_verified_by_as_much_work_as_somebody_and_never_in_the_event_loop() -> None:
    hasher = Watched()
    assert asyncio.run(Passwords(hasher, threads=1).verify("correct horse", None)) is False
    assert len(hasher.threads) == 1
    assert hasher.threads[0].startswith("passwords")
