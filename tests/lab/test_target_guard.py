"""The guard: no URL, however it is written, leads load to a host that nobody has allowed twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.uri_parser import parse_uri

from lab.errors import ConfigError
from lab.target_guard import directly, granted, host_name, host_of, is_loopback, require_allowed

HERE = [
    ("http://127.0.0.1:9000", "127.0.0.1"),
    ("http://127.0.0.1", "127.0.0.1"),
    ("http://127.0.0.1:9000/", "127.0.0.1"),
    ("http://127.255.3.4:1", "127.255.3.4"),
    ("http://localhost:65535", "localhost"),
    ("http://LocalHost:80", "localhost"),
    ("http://[::1]:9000", "::1"),
    ("http://[0:0:0:0:0:0:0:1]:9000", "::1"),
    ("mongodb://127.0.0.1:27017", "127.0.0.1"),
    ("mongodb://127.0.0.1", "127.0.0.1"),
    ("mongodb://u:p%40ss@127.0.0.1:27017/app?authSource=admin", "127.0.0.1"),
    ("mongodb://[::1]:27017/?directConnection=true", "::1"),
]

ELSEWHERE = [
    ("http://perf.example.org", "perf.example.org"),
    ("http://PERF.Example.ORG:8080", "perf.example.org"),
    ("http://10.0.0.7:80", "10.0.0.7"),
    ("http://128.0.0.1", "128.0.0.1"),
    ("http://126.255.255.255", "126.255.255.255"),
    ("http://[::2]:80", "::2"),
    ("http://[::ffff:127.0.0.1]:80", "::ffff:7f00:1"),
    ("http://[::ffff:10.0.0.7]:80", "::ffff:a00:7"),
    ("http://localhost.example.org:80", "localhost.example.org"),
    ("http://localhost-2", "localhost-2"),
    ("http://localhosted:80", "localhosted"),
    ("http://127.0.0.1.example.org", "127.0.0.1.example.org"),
    ("http://127-0-0-1.example.org", "127-0-0-1.example.org"),
    ("mongodb://u:p@db.example.org:27017", "db.example.org"),
    ("mongodb://127.0.0.1:x@db.example.org", "db.example.org"),
]

REFUSED = [
    ("", "begin it with http:// or mongodb://"),
    ("127.0.0.1:9000", "begin it with http:// or mongodb://"),
    ("HTTP://127.0.0.1", "begin it with http:// or mongodb://"),
    ("https://127.0.0.1", "speaks no TLS"),
    ("ftp://127.0.0.1", "begin it with http:// or mongodb://"),
    ("http:///127.0.0.1", "write http://HOST:PORT"),
    ("http://", "has no host"),
    ("http://:9000", "has no host"),
    ("http://127.0.0.1@evil.example.org/", "has an @"),
    ("http://evil.example.org@127.0.0.1/", "has an @"),
    ("http://127.0.0.1:9000@evil.example.org/", "has an @"),
    ("http://127.0.0.1#@evil.example.org/", "has an @"),
    ("http://evil.example.org#127.0.0.1", "write http://HOST:PORT"),
    ("http://evil.example.org?127.0.0.1", "write http://HOST:PORT"),
    ("http://127.0.0.1/base", "paths belong to [routes]"),
    ("http://127.0.0.1//evil.example.org", "write http://HOST:PORT"),
    ("http://127.0.0.1\\.evil.example.org", "holds what no URL may hold"),
    ("http://127.0.0.1\t.evil.example.org", "holds what no URL may hold"),
    ("http://127.0.0.1\n", "holds what no URL may hold"),
    (" http://127.0.0.1", "begin it with http:// or mongodb://"),
    ("http://127.0.0.1 ", "holds what no URL may hold"),
    ("http://127\u30020\u30020\u30021", "holds what no URL may hold"),
    ("http://\uff1127.0.0.1", "holds what no URL may hold"),
    ("http://loc%61lhost", "neither the name of a host nor an IP address"),
    ("http://localhost.", "leave the dot at its end out"),
    ("http://127.0.0.1.", "leave the dot at its end out"),
    ("http://perf.example.org.:80", "leave the dot at its end out"),
    ("http://.localhost", "neither the name of a host"),
    ("http://-x.example.org", "neither the name of a host"),
    ("http://2130706433", "write the IP address in full"),
    ("http://0x7f000001", "write the IP address in full"),
    ("http://0X7F.0.0.1", "write the IP address in full"),
    ("http://0177.0.0.1", "write the IP address in full"),
    ("http://127.1", "write the IP address in full"),
    ("http://127.0.0.0x1", "write the IP address in full"),
    ("http://127.0.0.01", "write the IP address in full"),
    ("http://256.0.0.1", "write the IP address in full"),
    ("http://127.0.0.1.1", "write the IP address in full"),
    ("http://0", "write the IP address in full"),
    ("http://0.0.0.0:9000", "is the address of no single machine"),
    ("http://255.255.255.255", "is the address of no single machine"),
    ("http://224.0.0.1", "is the address of no single machine"),
    ("http://[::]:9000", "is the address of no single machine"),
    ("http://[ff02::1]:80", "is the address of no single machine"),
    ("http://[::1%25lo]:80", "is the address of no single machine"),
    ("http://[::1%lo]:80", "is the address of no single machine"),
    ("http://[fe80::1%eth0]", "is the address of no single machine"),
    ("http://[]:80", "write the IP address in full"),
    ("http://[127.0.0.1]:80", "write the IP address in full"),
    ("http://[evil.example.org]:80", "write the IP address in full"),
    ("http://::1:9000", "write http://HOST:PORT"),
    ("http://[::1", "write http://HOST:PORT"),
    ("http://[::1]evil.example.org", "write http://HOST:PORT"),
    ("http://127.0.0.1:0", "is no port"),
    ("http://127.0.0.1:65536", "is no port"),
    ("http://127.0.0.1:80:evil.example.org", "write http://HOST:PORT"),
    ("http://127.0.0.1:", "write http://HOST:PORT"),
    ("mongodb://", "has no host"),
    ("mongodb://127.0.0.1,db.example.org", "names several servers"),
    ("mongodb://127.0.0.1:1,127.0.0.1:2/app", "names several servers"),
    ("mongodb://u:p@127.0.0.1:1@db.example.org", "write mongodb://HOST:PORT"),
    ("mongodb://127.0.0.1@db.example.org,127.0.0.1", "names several servers"),
    ("mongodb+srv://db.example.org", "known to DNS alone"),
    ("mongodb://127.0.0.1/?replicaSet=rs0", "tells of further hosts"),
    ("mongodb://127.0.0.1/?directConnection=false", "tells of further hosts"),
    ("mongodb://127.0.0.1/?DIRECTCONNECTION=FALSE", "tells of further hosts"),
    ("mongodb://127.0.0.1/?loadBalanced=true", "tells of further hosts"),
    ("mongodb://127.0.0.1/?directConnection=%66alse", "tells of further hosts"),
    ("mongodb://127.0.0.1/?directConnection=true&directConnection=false", "tells of further hosts"),
    ("mongodb://127.0.0.1/?proxyHost=evil.example.org", "leave proxyHost out"),
    ("mongodb://127.0.0.1/?srvServiceName=x", "leave srvServiceName out"),
    ("mongodb://%2Ftmp%2Fmongodb-27017.sock", "neither the name of a host"),
]


@pytest.mark.parametrize(("url", "host"), HERE)
def test_this_machine_needs_no_leave(url: str, host: str) -> None:
    assert host_of(url) == host
    assert is_loopback(host)
    require_allowed({"backend": url}, ())
    assert granted({"backend": url}, listed=(), repeated=()) == ()


@pytest.mark.parametrize(("url", "host"), ELSEWHERE)
def test_another_host_is_refused_unless_the_file_lists_it_and_the_command_repeats_it(url: str, host: str) -> None:
    assert host_of(url) == host
    assert not is_loopback(host)
    for listed, repeated in (((), ()), ((host,), ()), ((), (host,))):
        with pytest.raises(ConfigError):
            granted({"backend": url}, listed=listed, repeated=repeated)
    assert granted({"backend": url}, listed=(host,), repeated=(host.upper(),)) == (host,)
    with pytest.raises(ConfigError, match="is not allowed"):
        require_allowed({"backend": url}, ())
    require_allowed({"backend": url}, (host,))


@pytest.mark.parametrize(("url", "said"), REFUSED)
def test_what_could_be_read_in_two_ways_is_refused_even_where_everything_is_allowed(url: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        host_of(url)
    assert said in str(caught.value)
    everything = ("127.0.0.1", "evil.example.org", "db.example.org", "localhost")
    with pytest.raises(ConfigError, match="backend: "):
        require_allowed({"backend": url}, everything)
    with pytest.raises(ConfigError, match="backend: "):
        granted({"backend": url}, listed=everything, repeated=())


def test_each_of_the_two_that_is_missing_has_a_message_of_its_own() -> None:
    urls = {"backend": "http://perf.example.org:8080"}
    with pytest.raises(ConfigError) as neither:
        granted(urls, listed=(), repeated=())
    assert len(neither.value.problems) == 2
    with pytest.raises(ConfigError) as unlisted:
        granted(urls, listed=(), repeated=("perf.example.org",))
    assert len(unlisted.value.problems) == 1
    assert 'write allowed_hosts = ["perf.example.org"] into the file' in unlisted.value.problems[0]
    with pytest.raises(ConfigError) as unrepeated:
        granted(urls, listed=("perf.example.org",), repeated=())
    assert len(unrepeated.value.problems) == 1
    assert "the command does not repeat it; if you mean it, add --allow-target perf" in unrepeated.value.problems[0]


def test_every_host_needs_leave_and_what_is_repeated_in_vain_is_told() -> None:
    urls = {"backend": "http://a.example.org", "mongo": "mongodb://b.example.org"}
    with pytest.raises(ConfigError) as caught:
        granted(urls, listed=("a.example.org", "b.example.org"), repeated=("a.example.org", "c.example.org"))
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["mongo", "--allow-target c.example.org"]
    with pytest.raises(ConfigError, match="--allow-target localhost: no service"):
        granted({"backend": "http://localhost:1"}, listed=(), repeated=("localhost",))
    with pytest.raises(ConfigError, match="--allow-target 'a b': 'a b' is neither"):
        granted({"backend": "http://localhost:1"}, listed=(), repeated=("a b",))


@pytest.mark.parametrize(
    ("url", "direct"),
    [
        ("mongodb://127.0.0.1:1", "mongodb://127.0.0.1:1/?directConnection=true"),
        ("mongodb://127.0.0.1:1/", "mongodb://127.0.0.1:1/?directConnection=true"),
        ("mongodb://127.0.0.1:1/app", "mongodb://127.0.0.1:1/app?directConnection=true"),
        ("mongodb://127.0.0.1:1/?authSource=admin", "mongodb://127.0.0.1:1/?authSource=admin&directConnection=true"),
        ("mongodb://127.0.0.1:1/?DirectConnection=true", "mongodb://127.0.0.1:1/?DirectConnection=true"),
    ],
)
def test_a_server_of_mongodb_is_asked_alone_since_a_member_of_a_set_leads_to_the_others(url: str, direct: str) -> None:
    assert directly(url) == direct
    assert host_of(direct) == "127.0.0.1"
    assert parse_uri(direct)["options"]["directConnection"] is True


@pytest.mark.parametrize("url", [url for url, _ in (*HERE, *ELSEWHERE) if url.startswith("mongodb")])
def test_the_driver_reads_the_same_host(url: str) -> None:
    assert [host_name(host if ":" not in host else f"[{host}]") for host, _ in parse_uri(url)["nodelist"]] == [
        host_of(url)
    ]


@pytest.mark.parametrize(
    "host", ["*", "*.example.org", "http://a.example.org", "a.example.org:80", "a/b", "10.0.0.0/8"]
)
def test_only_a_single_host_can_be_allowed(host: str) -> None:
    with pytest.raises(ConfigError):
        host_name(host)


def test_a_password_is_not_told() -> None:
    with pytest.raises(ConfigError) as caught:
        require_allowed({"mongo": "mongodb://root:hunter2@db.example.org", "web": "http://u:hunter2@127.0.0.1"}, ())
    assert "hunter2" not in str(caught.value)
    assert "db.example.org" in str(caught.value)


@given(st.text(alphabet="htpmongdb:/@.,#?[]%\\127.0 elocahsx-\t", max_size=30))
def test_what_is_let_through_has_one_host_and_it_stands_where_every_reader_looks(text: str) -> None:
    url = f"http://{text}"
    try:
        host = host_of(url)
    except ConfigError:
        return
    after = url.removeprefix("http://").rstrip("/")
    assert after.rpartition(":")[0] in {"", host, f"[{host}]"} or after in {host, f"[{host}]"} or ":" in host
    assert not set(after) & set("@#?\\% \t,")
