"""Where load may go: this machine, and hosts that a target file allows and the command repeats. Pure.

A URL is read by more than one program (the lab, k6, the driver of MongoDB), and each has its own idea of a crooked one.
So only the plain form is taken, which all of them read alike: what is not understood is refused, and never guessed at.
"""

import ipaddress
import re
from collections.abc import Collection, Mapping

from lab.errors import ConfigError

_HTTP = re.compile(r"http://(?P<host>\[[^\]]*\]|[^:/?#@\[\]\\]*)(?::(?P<port>[0-9]{1,5}))?/?")
_MONGO = re.compile(
    r"mongodb://(?:[A-Za-z0-9._~!$&'()*+;=%-]+(?::[A-Za-z0-9._~!$&'()*+;=%-]*)?@)?"
    r"(?P<host>\[[^\]]*\]|[^:/?#@,\[\]\\]*)(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[A-Za-z0-9_-]*)?(?:\?(?P<options>[A-Za-z0-9._~%&=:+/-]*))?"
)
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_SECRET = re.compile(r"(?<=://).*@")
_OPTIONS = ("authSource", "authMechanism", "appName", "directConnection=true", "tls", "tlsCAFile")
_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_FORMS = {"http": "http://HOST:PORT", "mongodb": "mongodb://HOST:PORT"}


def host_of(url: str) -> str:
    """Give the host of an `http://` or `mongodb://` URL, in lower case and without brackets.

    Raises ConfigError that says what is wrong where it is not of the plain form: for `http` a host and a port, for
    `mongodb` one host with what may stand around it.
    """
    shown = _shown(url)
    scheme = url.partition("://")[0]
    if scheme not in _FORMS:
        raise ConfigError(f"{shown}: begin it with http:// or mongodb:// ({_why_not(scheme)})")
    found = (_HTTP if scheme == "http" else _MONGO).fullmatch(url) if _is_plain(url) else None
    if found is None:
        raise ConfigError(f"{shown}: {_crooked(url, scheme)}")
    if found["port"] is not None and not 1 <= int(found["port"]) <= 65535:
        raise ConfigError(f"{shown}: {found['port']} is no port (1 to 65535)")
    for option in (found.groupdict().get("options") or "").split("&"):
        if not _is_harmless(option):
            raise ConfigError(
                f"{shown}: leave {option.partition('=')[0]} out; one server is asked, since a set tells of further "
                f"hosts, wherever they are, and of options there may be: {', '.join(_OPTIONS)}"
            )
    return host_name(found["host"], shown)


def directly(mongo_url: str) -> str:
    """Give a MongoDB URL that asks this one server alone: without that, a member of a set leads to all the others."""
    if "directconnection=" in mongo_url.lower():
        return mongo_url
    if "?" in mongo_url:
        return f"{mongo_url}&directConnection=true"
    slash = "" if "/" in mongo_url.partition("://")[2] else "/"
    return f"{mongo_url}{slash}?directConnection=true"


def host_name(text: str, shown: str = "") -> str:
    """Give a host as it is compared: in lower case, an IP address in its shortest form and without brackets.

    Raises ConfigError, which begins with `shown`, where it is none, or could be read in more than one way.
    """
    shown, host = shown or repr(text), text.lower()
    if not host:
        raise ConfigError(f"{shown}: has no host")
    if host.startswith("[") or ":" in host:
        return _address(host.removeprefix("[").removesuffix("]"), shown, ipaddress.IPv6Address)
    if not host.isascii() or not _NAME.fullmatch(host):
        hint = "; leave the dot at its end out" if host.endswith(".") else ""
        raise ConfigError(f"{shown}: {text!r} is neither the name of a host nor an IP address{hint}")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):  # a program that calls inet_aton reads 2130706433 as 127.0.0.1
        return _address(host, shown, ipaddress.IPv4Address)
    return host


def _address(text: str, shown: str, kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> str:
    try:
        address = kind(text)
    except ValueError as error:
        raise ConfigError(f"{shown}: write the IP address in full, such as 127.0.0.1 or [::1]") from error
    if "%" in text or address.is_unspecified or address.is_multicast or text == "255.255.255.255":
        raise ConfigError(f"{shown}: {text} is the address of no single machine; this one is 127.0.0.1")
    return str(address)


def is_loopback(host: str) -> bool:
    """Whether a host, as `host_of` gives it, is this machine for certain: 127.0.0.0/8, ::1 or localhost."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return any(address in network for network in _LOOPBACK)


def require_allowed(urls: Mapping[str, str], allowed: Collection[str]) -> None:
    """Raise ConfigError, with every problem, unless each URL (by service) leads to this machine or an allowed host."""
    problems = []
    for service, url in urls.items():
        try:
            host = host_of(url)
        except ConfigError as error:
            problems += [f"{service}: {problem}" for problem in error.problems]
            continue
        if not (is_loopback(host) or host in allowed):
            problems.append(f"{service}: {_shown(url)} is not on this machine, and {host} is not allowed")
    if problems:
        raise ConfigError(problems)


def granted(urls: Mapping[str, str], *, listed: Collection[str], repeated: Collection[str]) -> tuple[str, ...]:
    """Give the hosts beside this machine that `urls` (by service) lead to, where all of them are allowed.

    One is where the target file lists it and the command repeats it. Raises ConfigError with everything that is
    missing, and with what was repeated in vain.
    """
    problems: list[str] = []
    hosts = {}
    for service, url in urls.items():
        try:
            hosts[service] = host_of(url)
        except ConfigError as error:
            problems += [f"{service}: {problem}" for problem in error.problems]
    named, found = _named(repeated), {host for host in hosts.values() if not is_loopback(host)}
    own = {host_name(host) for host in listed}
    for service, host in hosts.items():
        if host in found and host not in own:
            problems.append(
                f"{service}: {host} is not this machine, and the target file does not allow it; if it is yours to put "
                f'load on, write allowed_hosts = ["{host}"] into the file'
            )
        if host in found and host not in named:
            problems.append(
                f"{service}: {host} is not this machine, and the command does not repeat it; if you mean it, add "
                f"--allow-target {host}"
            )
    problems += [f"--allow-target {host}: no service of the target is there" for host in named if host not in found]
    if problems:
        raise ConfigError(problems)
    return tuple(sorted(found))


def _named(repeated: Collection[str]) -> tuple[str, ...]:
    try:
        return tuple(host_name(host) for host in repeated)
    except ConfigError as error:
        raise ConfigError([f"--allow-target {problem}" for problem in error.problems]) from error


def _why_not(scheme: str) -> str:
    if scheme == "mongodb+srv":
        return "the servers of mongodb+srv are known to DNS alone, and may be anywhere"
    if scheme == "https":
        return "the lab speaks no TLS yet: name the port behind what ends it"
    return "nothing else is measured"


def _is_plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url and "\\" not in url


def _is_harmless(option: str) -> bool:
    name, _, value = option.lower().partition("=")
    known = {text.lower() for text in _OPTIONS}
    return not option or f"{name}={value}" in known or name in known


def _crooked(url: str, scheme: str) -> str:
    if not _is_plain(url):
        return "holds what no URL may hold"
    if scheme == "http" and "@" in url:
        return "has an @: what stands before it is no host, so leave it out"
    if scheme == "mongodb" and "," in url.partition("://")[2].partition("/")[0]:
        return "names several servers: name one, since a set tells of further hosts, wherever they are"
    if scheme == "http":
        return f"write {_FORMS['http']} and nothing behind it; paths belong to [routes], health_path and metrics_path"
    return f"write {_FORMS['mongodb']}, with a user and a password before and options behind it where there are some"


def _shown(url: str) -> str:
    return repr(_SECRET.sub("***@", url)) if not url.isprintable() else _SECRET.sub("***@", url)
