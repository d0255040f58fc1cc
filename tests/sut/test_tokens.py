from collections.abc import Callable

import pytest
from fastapi import HTTPException, Request

from sut.tokens import Tokens

SECRET = "s" * 32


def a_request(authorization: str | None) -> Request:
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    return Request({"type": "http", "headers": headers})


def tokens_at(now: float, secret: str = SECRET) -> Tokens:
    return Tokens(secret, lifetime_s=60, clock=lambda: now)


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {} "])
def test_a_token_says_who_asks(form: str) -> None:
    tokens = tokens_at(1000)
    assert tokens.user_of(a_request(form.format(tokens.issue("mia")))) == "mia"


@pytest.mark.parametrize(("now", "holds"), [(1000, True), (1059.9, True), (1060, False), (5000, False)])
def test_a_token_holds_for_its_lifetime_and_no_second_longer(now: float, holds: bool) -> None:
    request = a_request(f"Bearer {tokens_at(1000).issue('mia')}")
    if holds:
        assert tokens_at(now).user_of(request) == "mia"
    else:
        with pytest.raises(HTTPException, match="expired"):
            tokens_at(now).user_of(request)


def test_a_token_of_another_secret_is_not_valid() -> None:
    request = a_request(f"Bearer {tokens_at(1000, 'x' * 32).issue('mia')}")
    with pytest.raises(HTTPException, match="not valid") as refused:
        tokens_at(1000).user_of(request)
    assert refused.value.status_code == 401


@pytest.mark.parametrize(
    "change",
    [lambda token: token[:-2], lambda token: token.swapcase(), lambda token: token.split(".")[0] + "..", lambda _: "ä"],
)
def test_a_token_that_was_changed_is_not_valid(change: Callable[[str], str]) -> None:
    tokens = tokens_at(1000)
    with pytest.raises(HTTPException, match="not valid"):
        tokens.user_of(a_request(f"Bearer {change(tokens.issue('mia'))}"))


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic bWlhOg=="])
def test_without_a_bearer_token_the_answer_says_what_is_needed(authorization: str | None) -> None:
    with pytest.raises(HTTPException, match="needed") as refused:
        tokens_at(1000).user_of(a_request(authorization))
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}
