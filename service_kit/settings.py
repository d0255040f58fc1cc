"""Settings from the environment: read once, checked in full, frozen."""

import difflib
from collections.abc import Iterable, Mapping
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class SettingsError(Exception):
    """The environment cannot be used; `problems` holds every sentence about it."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Settings(BaseModel):
    """What every service is told. Each field's alias is the environment variable that it comes from.

    `prefix` begins the names of the service's own variables: one that begins so and is no field is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: ClassVar[str]

    host: str = Field("127.0.0.1", alias="HOST")
    port: int = Field(alias="PORT", ge=1, le=65535)
    lab_profiling: bool = Field(False, alias="LAB_PROFILING")
    """Whether /debug/heap tells of the heap where it is asked to (docs/profiling-node.md)."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Give the settings in `environ`, where an empty value counts as none.

        Raises SettingsError with all problems. They name variables and never their values, which may be secret.
        """
        names = [str(field.alias) for field in cls.model_fields.values()]
        given = {k: v for k, v in environ.items() if v and (k in names or k.startswith(cls.prefix))}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False, include_context=False)
            raise SettingsError(cls._sentence(p["type"], str(p["loc"][0]), p["msg"]) for p in problems) from None

    @classmethod
    def _sentence(cls, kind: str, name: str, message: str) -> str:
        if kind == "missing":
            return f"{name} is not set"
        if kind != "extra_forbidden":
            return f"{name}: {message}"
        # without the prefix, which would make every name look like every other
        aliases = [str(field.alias) for field in cls.model_fields.values()]
        own = [alias.removeprefix(cls.prefix) for alias in aliases if alias.startswith(cls.prefix)]
        nearest = difflib.get_close_matches(name.removeprefix(cls.prefix), own, n=1)
        return f"{name} is no setting" + (f"; did you mean {cls.prefix}{nearest[0]}?" if nearest else "")
