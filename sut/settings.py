"""What the backend is told by its environment."""

from typing import Annotated, ClassVar

from pydantic import Field, SecretStr, StringConstraints

from service_kit.settings import Settings

_Url = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+$")]
_MongoUrl = Annotated[str, StringConstraints(pattern=r"^mongodb(\+srv)?://\S+$")]
_Route = Annotated[str, StringConstraints(pattern=r"^[A-Z]+ /\S*$")]
_Database = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,60}$")]


class SutSettings(Settings):
    """HOST, PORT, where MongoDB and ai_core are, and how the backend behaves."""

    prefix: ClassVar[str] = "SUT_"

    mongo_url: _MongoUrl = Field(alias="MONGO_URL")
    mongo_database: _Database = Field("perf_lab", alias="MONGO_DATABASE")
    ai_core_url: _Url = Field(alias="AI_CORE_URL")
    token_secret: Annotated[SecretStr, Field(min_length=32)] | None = Field(None, alias="TOKEN_SECRET")
    """Signs tokens (HS256, so 32 characters or more); where there is none, tokens die with the process."""

    token_lifetime_s: int = Field(3600, alias="SUT_TOKEN_LIFETIME_S", ge=1, le=30 * 86400)

    hash_time_cost: int = Field(2, alias="SUT_HASH_TIME_COST", ge=1, le=20)
    """argon2id's passes; with the next two, the least that OWASP's Password Storage Cheat Sheet recommends."""

    hash_memory_kib: int = Field(19 * 1024, alias="SUT_HASH_MEMORY_KIB", ge=8, le=1024 * 1024)
    hash_parallelism: int = Field(1, alias="SUT_HASH_PARALLELISM", ge=1, le=16)
    hash_threads: int = Field(2, alias="SUT_HASH_THREADS", ge=1, le=64)
    """Passwords that are hashed at the same time; the others wait."""

    body_limit_bytes: int = Field(5 * 1024 * 1024, alias="SUT_BODY_LIMIT_BYTES", ge=1024, le=12 * 1024 * 1024)
    """Largest dataset; a document of MongoDB has at most 16 MiB."""

    analyze_queue_limit: int = Field(64, alias="SUT_ANALYZE_QUEUE_LIMIT", ge=0, le=100_000)
    """Analyses that may wait beside those that run; one more is refused with 503."""

    analyze_concurrency: int = Field(4, alias="SUT_ANALYZE_CONCURRENCY", ge=1, le=1000)
    """Analyses that are at ai_core at the same time."""

    analyze_deadline_s: float = Field(30, alias="SUT_ANALYZE_DEADLINE_S", gt=0, le=3600)
    """How long ai_core is asked, tries included, before an analysis has failed."""

    retry_after_s: int = Field(1, alias="SUT_RETRY_AFTER_S", ge=0, le=3600)

    mongo_pool_size: int = Field(20, alias="SUT_MONGO_POOL_SIZE", ge=1, le=1000)
    mongo_timeout_s: float = Field(5, alias="SUT_MONGO_TIMEOUT_S", gt=0, le=300)
    """How long one operation may take, the choice of a server and the wait for a connection included."""

    slow_query_s: float = Field(0.1, alias="SUT_SLOW_QUERY_S", ge=0, le=3600)
    """From which duration on a command is logged as slow; 0 logs every command."""

    mongo_idle_ms: int = Field(0, alias="SUT_MONGO_IDLE_MS", ge=0, le=86_400_000)
    """How long a connection may be idle before it is closed; 0 keeps it for as long as the process lives."""

    fault_no_index: bool = Field(False, alias="SUT_FAULT_NO_INDEX")
    """Whether the index that lists of reports are read by is left out, on purpose."""

    fault_block_ms: float = Field(0, alias="SUT_FAULT_BLOCK_MS", ge=0, le=10_000)
    """Milliseconds for which the event loop is held up twice a second, on purpose; 0 for none."""

    fault_gc_objects: int = Field(0, alias="SUT_FAULT_GC_OBJECTS", ge=0, le=20_000_000)
    """Objects that are kept, and that the garbage collector looks through twice a second, on purpose; 0 for none."""

    fault_slow_route: _Route | None = Field(None, alias="SUT_FAULT_SLOW_ROUTE")
    """The route that is slower on purpose: its method and template, such as `GET /report/{id}`; None for no route."""

    fault_slow_ms: float = Field(0, alias="SUT_FAULT_SLOW_MS", ge=0, le=10_000)
    """By how many milliseconds of computing it is slower."""
