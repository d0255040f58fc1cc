"""Where in a list of reports the next page begins, as text that says nothing to its reader."""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT = re.compile(rb"(\d{1,14})\.([0-9a-f]{24})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """After the report of this time and id; it stays right when reports are added."""

    created_at: datetime
    report_id: str

    def text(self) -> str:
        """The opaque form."""
        milliseconds = (self.created_at - _EPOCH) // timedelta(milliseconds=1)
        return base64.urlsafe_b64encode(f"{milliseconds}.{self.report_id}".encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Self:
        """Back from the opaque form. Raises ValueError for any other text."""
        try:
            plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("this is no cursor") from error
        found = _TEXT.fullmatch(plain)
        if found is None:
            raise ValueError("this is no cursor")
        try:
            created_at = _EPOCH + timedelta(milliseconds=int(found[1]))
        except OverflowError as error:
            raise ValueError("this is no cursor") from error
        return cls(created_at=created_at, report_id=found[2].decode())
