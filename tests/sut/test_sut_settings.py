import pytest

from service_kit.settings import SettingsError
from sut.settings import SutSettings

GOOD = {"PORT": "8810", "MONGO_URL": "mongodb://127.0.0.1:27117", "AI_CORE_URL": "http://127.0.0.1:8811"}


def test_what_must_be_given_is_enough() -> None:
    settings = SutSettings.read({**GOOD, "PATH": "/usr/bin", "MONGO_HOME": "x"})
    assert (settings.host, settings.mongo_database, settings.token_secret) == ("127.0.0.1", "perf_lab", None)
    assert (settings.hash_time_cost, settings.hash_memory_kib, settings.hash_parallelism) == (2, 19456, 1)
    assert settings.body_limit_bytes == 5 * 1024 * 1024


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MONGO_URL", "http://127.0.0.1"),
        ("MONGO_DATABASE", "a/b"),
        ("AI_CORE_URL", "ftp://127.0.0.1"),
        ("AI_CORE_URL", "http://127.0.0.1/analyze"),
        ("TOKEN_SECRET", "x" * 31),
        ("PORT", "70000"),
        ("SUT_BODY_LIMIT_BYTES", str(13 * 1024 * 1024)),
        ("SUT_ANALYZE_CONCURRENCY", "0"),
        ("SUT_ANALYZE_QUEUE_LIMIT", "-1"),
        ("SUT_HASH_MEMORY_KIB", "much"),
        ("SUT_SLOW_QUERY_S", "nan"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_by_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        SutSettings.read({**GOOD, name: value})
    (problem,) = refused.value.problems
    assert problem.startswith(f"{name}: ")
    assert value not in problem


def test_a_misspelled_setting_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SettingsError, match=r"SUT_QUEUE_LIMIT is no setting; did you mean SUT_ANALYZE_QUEUE_LIMIT\?"):
        SutSettings.read({**GOOD, "SUT_QUEUE_LIMIT": "3"})


def test_the_secret_does_not_show_itself() -> None:
    settings = SutSettings.read({**GOOD, "TOKEN_SECRET": "hush" * 10})
    assert "hush" not in repr(settings)
