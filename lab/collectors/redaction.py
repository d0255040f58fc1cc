"""What must not reach a run's files: tokens, passwords, credentials in URLs, and the values of slow queries."""

import re

import orjson

from lab.collectors.query_shape import query_shape

_NAMES = rb"(?:[A-Za-z_-]*(?:password|passwd|secret|token|api_?key)|authorization|cookie|set-cookie)"
_SECRETS = re.compile(
    rb"""
      (?P<scheme>\b(?:Bearer|Basic)[ ]+)[A-Za-z0-9._~+/=-]{6,}                                # an Authorization header
    | (?P<field>"%(names)s"\s*:\s*)(?:"(?:[^"\\\n]|\\.)*"|[\w.-]+)                           # a field of that name
    | (?P<escaped>\\"%(names)s\\"\s*:\s*)(?:\\"[^"\\\n]*\\"|[\w.-]+)                         # the same inside a text
    | (?P<user>://)[^/\s:@"]+:[^/\s@"]+(?=@)                                                 # user:password@ of a URL
    | \beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*                              # a JSON web token
    | \$argon2[a-z]*\$[^\s"\\]+                                                              # a hashed password
    | \$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}
    """
    % {b"names": _NAMES},
    re.VERBOSE | re.IGNORECASE,
)
_SLOW_QUERY = b'"msg":"Slow query"'


def redacted(lines: bytes) -> bytes:
    """Give whole log lines without their secrets, each replaced by ***; of mongod's slow queries only the shape."""
    if _SLOW_QUERY in lines:
        lines = b"".join(map(_without_values, lines.splitlines(keepends=True)))
    return _SECRETS.sub(_kept, lines)


def _kept(found: re.Match[bytes]) -> bytes:
    if found["field"]:
        return found["field"] + b'"***"'
    if found["escaped"]:
        return found["escaped"] + rb"\"***\""
    return (found["scheme"] or found["user"] or b"") + b"***"


def _without_values(line: bytes) -> bytes:
    if _SLOW_QUERY not in line:
        return line
    try:
        content = orjson.loads(line)
        command = content["attr"]["command"]
        comment = command.get("comment")
        content["attr"]["command"] = query_shape(command) | ({"comment": comment} if isinstance(comment, str) else {})
        clean = orjson.dumps(content)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        clean = b'{"msg":"Slow query","attr":"unreadable, and so left out"}'
    return clean + line[len(line.rstrip(b"\r\n")) :]
