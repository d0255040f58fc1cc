"""What stands in braces in a target: {python}, {host}, {port}, {secret}, {<service>.url}, {<service>.port}.

A pair of braces more keeps them: `GET /report/{{id}}` is `GET /report/{id}` to the service.
"""

import re
from collections.abc import Mapping, Sequence

from lab.model import Service

_PLACEHOLDER = re.compile(r"\{(\{[A-Za-z0-9_.-]+\})\}|\{([A-Za-z0-9_.-]+)\}")
_PLAIN = ("python", "host", "port", "secret")


def placeholders_of(service: Service) -> tuple[str, ...]:
    """The names in braces that a service uses."""
    texts = (*service.argv, *(value for _, value in service.env))
    return tuple(dict.fromkeys(name for text in texts for _, name in _PLACEHOLDER.findall(text) if name))


def needs(service: Service) -> frozenset[str]:
    """The other services that must be ready before this one is started: those that it names."""
    named = {name.rpartition(".")[0] for name in placeholders_of(service)}
    return frozenset(named - {"", service.name})


def placeholder_problems(services: Sequence[Service]) -> list[str]:
    """Unknown placeholders, and those of services that stand later and so start later; one sentence each."""
    problems: list[str] = []
    every = [service.name for service in services]
    for index, service in enumerate(services):
        for name in placeholders_of(service):
            problem = _problem(name, service.name, every, every[index + 1 :])
            problems += [f"{service.name}: {problem}"] if problem else []
    return problems


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put the values in; every placeholder has one (see `placeholder_problems`)."""
    return _PLACEHOLDER.sub(lambda found: found[1] or values[found[2]], text)


def _problem(name: str, own: str, every: Sequence[str], later: Sequence[str]) -> str:
    service, _, part = name.rpartition(".")
    if name in _PLAIN:
        return ""
    if service in every and part in ("url", "port"):
        return f"{{{name}}} names a service that stands below {own}, and so starts after it" if service in later else ""
    known = ", ".join([*(f"{{{plain}}}" for plain in _PLAIN), *(f"{{{other}.url}}" for other in every)])
    return f"{{{name}}} is unknown (known: {known}, and .port for .url; {{{{{name}}}}} is the text {{{name}}} itself)"
