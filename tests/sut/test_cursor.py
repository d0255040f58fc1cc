import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sut.cursor import Position

# as MongoDB keeps them: to the millisecond
MOMENTS = st.integers(0, 7_000_000_000_000).map(
    lambda milliseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
)
IDS = st.text("0123456789abcdef", min_size=24, max_size=24)


@given(MOMENTS, IDS)
def test_a_position_comes_back_from_its_text(created_at: datetime, report_id: str) -> None:
    position = Position(created_at=created_at, report_id=report_id)
    assert Position.read(position.text()) == position


@given(st.text())
def test_any_other_text_is_a_value_error_and_nothing_else(text: str) -> None:
    try:
        found = Position.read(text)
    except ValueError:
        return
    assert Position.read(found.text()) == found


@pytest.mark.parametrize("plain", ["1.zz", "-1." + "0" * 24, "1." + "0" * 23, "99999999999999." + "0" * 24 + "x", "."])
def test_a_text_that_was_made_by_hand_is_refused(plain: str) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        Position.read(base64.urlsafe_b64encode(plain.encode()).decode())


def test_a_time_beyond_the_calendar_is_refused() -> None:
    far = base64.urlsafe_b64encode(b"999999999999999." + b"0" * 24).decode()
    with pytest.raises(ValueError, match="no cursor"):
        Position.read(far)


def test_the_text_is_safe_in_a_url() -> None:
    moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(milliseconds=7)
    assert Position(created_at=moment, report_id="f" * 24).text().isalnum()
