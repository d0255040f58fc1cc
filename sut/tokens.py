"""Signed tokens that say who asks, and until when that holds."""

import time
from collections.abc import Callable

import jwt
from fastapi import HTTPException, Request

from service_kit import trace

_ALGORITHM = "HS256"
_ISSUER = "sut"
_REQUIRED = ("exp", "iat", "iss", "sub")


class Tokens:
    """Makes and reads JSON Web Tokens (RFC 7519). Nothing of a token is stored: it holds until it expires."""

    def __init__(self, secret: str, *, lifetime_s: int, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._lifetime_s = lifetime_s
        self._clock = clock

    def issue(self, user_id: str) -> str:
        """A token for a user who has shown the password."""
        now = int(self._clock())
        claims = {"iss": _ISSUER, "sub": user_id, "iat": now, "exp": now + self._lifetime_s}
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def user_of(self, request: Request) -> str:
        """Who sends `request`, by its bearer token; log lines carry the user from now on.

        Raises HTTPException (401) for a missing, expired or forged token.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorized("a bearer token is needed", "Bearer")
        user_id = self._subject(token.strip())
        trace.current().user_id = user_id
        return user_id

    def _subject(self, token: str) -> str:
        try:
            # only this algorithm: a token must not choose how it is verified
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                options={"require": list(_REQUIRED), "verify_exp": False, "verify_iat": False},
            )
            expired = self._clock() >= float(claims["exp"])
        except (jwt.InvalidTokenError, ValueError, TypeError):
            raise _invalid("the token is not valid") from None
        if expired:
            raise _invalid("the token has expired")
        return str(claims["sub"])


def _invalid(why: str) -> HTTPException:
    return _unauthorized(why, f'Bearer error="invalid_token", error_description="{why}"')


def _unauthorized(why: str, challenge: str) -> HTTPException:
    return HTTPException(401, why, {"WWW-Authenticate": challenge})
