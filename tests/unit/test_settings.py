"""Settings: read from the environment and `.env`; what is wrong is named, secrets are not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from signoff_schemas import Settings, SettingsError, masked

EnvFile = Callable[[str], None]
SECRET = "s3cr3t"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in an empty folder, without this machine's own settings."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SIGNOFF_{name.upper()}", raising=False)


@pytest.fixture
def env_file(tmp_path: Path) -> EnvFile:
    """Write the folder's `.env`."""

    def write(text: str) -> None:
        (tmp_path / ".env").write_text(text, "utf-8")

    return write


def refusal() -> str:
    """Return why the settings are refused."""
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    return str(caught.value)


def test_without_any_setting_there_are_defaults() -> None:
    """Nothing is required until it is needed."""
    held = Settings.load()

    assert (held.queue, held.batch_size, held.redeliver_after) == ("approvals", 1000, 30)
    assert (held.redis_url, held.database_url, held.max_queue_length) == (None, None, None)


def test_the_outbox_is_in_signoffs_database_unless_another_is_set() -> None:
    """An upstream that shares the database sets nothing more."""
    shared = Settings.load(database_url="postgresql://h/signoff")
    own = Settings.load(database_url="postgresql://h/signoff", outbox_url="postgresql://h/shop")
    assert (shared.outbox, own.outbox) == ("postgresql://h/signoff", "postgresql://h/shop")


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("SIGNOFF_BATCH_SIZE=250", "batch_size", 250),
        ("SIGNOFF_BATCH_SIZE=250   # events", "batch_size", 250),
        ("SIGNOFF_BATCH_SIZE = 250 ", "batch_size", 250),
        ("SIGNOFF_BATCH_SIZE='250'", "batch_size", 250),
        ('SIGNOFF_BATCH_SIZE=" 250 " # events', "batch_size", 250),
        ("export SIGNOFF_BATCH_SIZE=250", "batch_size", 250),
        ("signoff_batch_size=250", "batch_size", 250),
        ("SIGNOFF_BATCH_SIZE=", "batch_size", 1000),
        ("SIGNOFF_BATCH_SIZE=   # events", "batch_size", 1000),
        ("SIGNOFF_BATCH_SIZE=''", "batch_size", 1000),
        ("SIGNOFF_BATCH_SIZE", "batch_size", 1000),
        ("SIGNOFF_MAX_QUEUE_LENGTH=", "max_queue_length", None),
        ("SIGNOFF_QUEUE=' orders '", "queue", "orders"),
        ("SIGNOFF_LOG_LEVEL=' DEBUG '", "log_level", "DEBUG"),
        ("SIGNOFF_LOG_FORMAT=json # for machines", "log_format", "json"),
        ("SIGNOFF_REDELIVER_AFTER=4.5", "redeliver_after", 4.5),
        ('SIGNOFF_REDIS_URL="redis://:p%23w@h/1"  # ours', "redis_url", "redis://:p%23w@h/1"),
        ("SIGNOFF_DATABASE_URL=postgresql://u:p#w@h", "database_url", "postgresql://u:p#w@h"),
        ("OTHER=1\n\n# a comment\nSIGNOFF_QUEUE=q", "queue", "q"),
    ],
)
def test_the_env_file_is_read_as_people_write_it(
    env_file: EnvFile, line: str, field: str, value: object
) -> None:
    """Inline comments, quotes, blanks and empty values mean what they look like."""
    env_file(f"{line}\n")

    assert getattr(Settings.load(), field) == value


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [(" 250 ", "batch_size", 250), ("", "batch_size", 1000), (" INFO\n", "log_level", "INFO")],
)
def test_the_environment_is_read(
    monkeypatch: pytest.MonkeyPatch, text: str, field: str, value: object
) -> None:
    """Blanks around a value are dropped; an empty one counts as not set."""
    monkeypatch.setenv(f"SIGNOFF_{field.upper()}", text)

    assert getattr(Settings.load(), field) == value


def test_the_nearer_setting_wins(monkeypatch: pytest.MonkeyPatch, env_file: EnvFile) -> None:
    """An argument wins over the environment, which wins over `.env`; None is no argument."""
    env_file("SIGNOFF_QUEUE=file\nSIGNOFF_BATCH_SIZE=7\nSIGNOFF_MAX_REDELIVERIES=9\n")
    monkeypatch.setenv("SIGNOFF_QUEUE", "environment")
    monkeypatch.setenv("SIGNOFF_BATCH_SIZE", "8")

    held = Settings.load(queue="argument", batch_size=None)

    assert (held.queue, held.batch_size, held.max_redeliveries) == ("argument", 8, 9)


@pytest.mark.parametrize("way", ["environment", "file"])
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("BATCH_SIZE", "many", "a valid integer"),
        ("BATCH_SIZE", "0", "greater than or equal to 1"),
        ("BATCH_SIZE", "5001", "less than or equal to 5000"),
        ("MAX_QUEUE_LENGTH", "0", "greater than or equal to 1"),
        ("REDELIVER_AFTER", "2.9", "greater than or equal to 3"),
        ("REDELIVER_AFTER", "nan", "3"),
        ("RETRY_ATTEMPTS", "21", "less than or equal to 20"),
        ("RETRY_DELAY", "0", "greater than 0"),
        ("MAX_REDELIVERIES", "1.5", "a valid integer"),
        ("QUEUE", "a b", "letters, digits"),
        ("QUEUE", "q" * 101, "at most 100"),
        ("LOG_FORMAT", "xml", "'text' or 'json'"),
        ("LOG_LEVEL", "LOUD", "'DEBUG'"),
        ("REDIS_URL", "localhost:6379", "a URL such as redis://localhost:6379/0"),
        ("REDIS_URL", "redis://localhost:port", "a URL such as redis://localhost:6379/0"),
        ("REDIS_URL", "redis://localhost/?db=x", "a URL such as redis://localhost:6379/0"),
        ("REDIS_URL", "redis://localhost/abc", "the number of a database"),
        ("REDIS_URL", "rediss://localhost/1/2", "the number of a database"),
        ("REDIS_URL", "redis+sentinel://h:1", "redis+sentinel://host:26379,host:26379/service/0"),
        ("REDIS_URL", "redis+sentinel://h:x/service", "redis+sentinel://host:26379"),
        ("REDIS_URL", "redis+sentinel://h,,k/service", "redis+sentinel://host:26379"),
        ("REDIS_URL", "redis+sentinel://h/service/x", "redis+sentinel://host:26379"),
        ("ALERT_URL", "ftp://h/hook", "a URL such as https://example.com/hook"),
        ("ALERT_URL", "https:///hook", "a URL such as https://example.com/hook"),
        ("DEAD_LETTER_LIMIT", "-1", "greater than or equal to 0"),
        ("DATABASE_URL", "mysql://h/db", "a URL such as postgresql://user@localhost:5432/signoff"),
    ],
)
def test_a_wrong_value_is_named(
    monkeypatch: pytest.MonkeyPatch,
    env_file: EnvFile,
    *,
    way: str,
    name: str,
    value: str,
    expected: str,
) -> None:
    """The error names the variable, what it holds, and what was expected, wherever it came from."""
    if way == "file":
        env_file(f"SIGNOFF_{name}='{value}'\n")
    else:
        monkeypatch.setenv(f"SIGNOFF_{name}", value)

    before, _, after = refusal().partition("; expected ")

    assert before.replace("'", "") == f"SIGNOFF_{name} holds {value}"
    assert expected in after


def test_every_wrong_value_is_named_at_once(env_file: EnvFile) -> None:
    """One line each, so that a person mends them all in one go."""
    env_file("SIGNOFF_BATCH_SIZE=x\nSIGNOFF_LOG_LEVEL=y\n")

    lines = refusal().splitlines()

    assert [line.split()[0] for line in lines] == ["SIGNOFF_BATCH_SIZE", "SIGNOFF_LOG_LEVEL"]


def test_a_wrong_argument_is_named() -> None:
    """An argument is held to the same rules, under the same name."""
    with pytest.raises(SettingsError, match=r"^SIGNOFF_QUEUE holds ''; expected"):
        Settings.load(queue="")


def test_an_env_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """Another encoding is told, without a traceback."""
    (tmp_path / ".env").write_bytes("SIGNOFF_QUEUE=käse".encode("latin-1"))

    assert refusal().startswith(".env cannot be read as UTF-8 text")


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("redis_url", "SIGNOFF_REDIS_URL=redis://localhost:6379/0"),
        ("database_url", "SIGNOFF_DATABASE_URL=postgresql://user@localhost:5432/signoff"),
    ],
)
def test_a_missing_url_is_asked_for(name: str, example: str) -> None:
    """Who needs a URL that is not set says how to set it."""
    with pytest.raises(SettingsError, match=f"for example {example}"):
        Settings.load().require(name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    [
        "redis://h:1/0",
        "rediss://:p%40@h",
        "redis://h/",
        "unix:///run/redis.sock?db=2",
        "redis+sentinel://h/service",
        "rediss+sentinel://u:p%40@h:1,[::1]:2,k/service/3?sentinel_password=x",
    ],
)
def test_a_redis_url_is_given_back(url: str) -> None:
    """Each scheme that redis-py knows is taken, and kept as it is."""
    assert Settings.load(redis_url=url).require("redis_url") == url


@pytest.mark.parametrize("url", ["postgres://h", "postgresql://u:p@h1:1,h2:2/db", "postgresql://"])
def test_a_database_url_is_given_back(url: str) -> None:
    """Each form that libpq knows as a URL is taken, several hosts too."""
    assert Settings.load(database_url=url).require("database_url") == url


MASKED = [
    (f"redis://:{SECRET}@host", "redis://:***@host"),
    (f"rediss://:{SECRET}@host:6380/0", "rediss://:***@host:6380/0"),
    (f"redis://user:{SECRET}@host", "redis://user:***@host"),
    (
        f"redis+sentinel://u:{SECRET}@h:1,k/s?sentinel_password={SECRET}",
        "redis+sentinel://u:***@h:1,k/s?sentinel_password=***",
    ),
    (f"postgresql://u:{SECRET}%40ss@h/db", "postgresql://u:***@h/db"),
    (f"postgresql://u:{SECRET}@ss:{SECRET}@h/db", "postgresql://u:***@h/db"),
    (f"postgresql://u:a/{SECRET}@h/db", "postgresql://u:***@h/db"),
    (f"postgresql://u:a?{SECRET}#b@h/db", "postgresql://u:***@h/db"),
    (f"postgresql://u:a {SECRET}\n@h/db", "postgresql://u:***@h/db"),
    (f"postgresql://u:a[{SECRET}@h/db", "postgresql://u:***@h/db"),
    (f"redis://:password={SECRET}&x@h", "redis://:***@h"),
    (f"postgresql://u:{SECRET}@h1:1,h2:2/db", "postgresql://u:***@h1:1,h2:2/db"),
    (f"redis://h/0?password={SECRET}&db=1", "redis://h/0?password=***&db=1"),
    (f"redis://h/0?db=1&PASSWORD={SECRET}", "redis://h/0?db=1&PASSWORD=***"),
    (f"postgresql://h:1/db?password=a@{SECRET}", "postgresql://h:1/db?password=***"),
    (f"postgresql://u@h/db?sslpassword={SECRET}", "postgresql://u@h/db?sslpassword=***"),
    (f"host=h password={SECRET} user=u", "host=h password=*** user=u"),
    (f"host=h password = 'a\\' {SECRET}' user=u", "host=h password = *** user=u"),
    (f"host=h password='a {SECRET}", "host=h password=***"),
    (f"u:{SECRET}@h", "u:***@h"),
    (f"https://u:{SECRET}@h", "https://u:***@h"),
    (f"postgresql:/u:{SECRET}@h", "postgresql:***@h"),
]


@pytest.mark.parametrize(("url", "shown"), MASKED)
def test_a_password_is_masked(url: str, shown: str) -> None:
    """Wherever it stands, and however it fails to be percent-encoded; the rest stays readable."""
    assert masked(url) == shown


@pytest.mark.parametrize(
    "url",
    ["redis://localhost:6379/0", "postgresql://u@h:1/db?options=-c%20a", "h:1", "", "unix:///a"],
)
def test_what_holds_no_password_is_shown_as_it_is(url: str) -> None:
    """A URL without a password is not altered."""
    assert masked(url) == url


@pytest.mark.parametrize(("url", "shown"), MASKED)
@pytest.mark.parametrize("name", ["redis_url", "database_url"])
def test_no_error_shows_a_password(name: str, url: str, shown: str) -> None:
    """Neither the error of a URL that is wrong, nor the settings that hold a good one."""
    try:
        said = repr(Settings.load(**{name: url}))
    except SettingsError as error:
        said = str(error)
        assert f"holds {shown}; expected" in said

    assert SECRET not in said
