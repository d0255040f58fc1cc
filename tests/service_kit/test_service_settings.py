from typing import ClassVar

import pytest
from pydantic import Field, ValidationError

from service_kit.settings import Settings, SettingsError


class Example(Settings):
    """Settings of a service that does not exist."""

    prefix: ClassVar[str] = "EXAMPLE_"

    workers: int = Field(2, alias="EXAMPLE_WORKERS", ge=1)
    token: str = Field("", alias="SECRET_TOKEN", min_length=4)


def test_variables_become_typed_values_and_the_rest_of_the_environment_is_nobodys() -> None:
    settings = Example.read({"PORT": "8000", "EXAMPLE_WORKERS": "3", "PATH": "/bin", "WORKERS": "x"})
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 3)


def test_an_empty_value_counts_as_none() -> None:
    assert Example.read({"PORT": "8000", "EXAMPLE_WORKERS": "", "HOST": ""}).workers == 2


def test_every_problem_is_told_at_once_by_the_variables_name() -> None:
    with pytest.raises(SettingsError) as refused:
        Example.read({"EXAMPLE_WORKERS": "0", "EXAMPLE_WORKER": "3", "EXAMPLE_ZZZ": "1"})
    problems = sorted(refused.value.problems)
    assert problems[0] == "EXAMPLE_WORKER is no setting; did you mean EXAMPLE_WORKERS?"
    assert problems[1].startswith("EXAMPLE_WORKERS: ")
    assert problems[2] == "EXAMPLE_ZZZ is no setting"
    assert problems[3] == "PORT is not set"


def test_a_value_is_never_repeated_since_it_may_be_secret() -> None:
    with pytest.raises(SettingsError) as refused:
        Example.read({"PORT": "8000", "SECRET_TOKEN": "abc"})
    assert "abc" not in str(refused.value)
    assert "SECRET_TOKEN" in str(refused.value)


def test_settings_do_not_change() -> None:
    settings = Example.read({"PORT": "8000"})
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # this is what must fail
