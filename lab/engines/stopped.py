"""What ends: services that a `down` ended, and those that ended by themselves."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """What a `down` ended: services by name in the order of their end, and how many processes beside them.

    `strays` are workers of killed services, a k6 that a killed run left, or what a lost record did not name.
    """

    services: tuple[str, ...] = ()
    strays: int = 0

    @property
    def nothing(self) -> bool:
        """Whether there was nothing to end."""
        return not self.services and not self.strays


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A service that was lost while it was watched: how, in words, and the end of its log."""

    service: str
    how: str
    log: str


def silent(_: str) -> None:
    """Nobody listens to the events."""
