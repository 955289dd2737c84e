"""Settings: read from the environment and `.env`; what is wrong is named, secrets are not."""

import inspect
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signoff_ops.services import load_settings
from signoff_schemas import (
    AccountSettings,
    AlertSettings,
    InsightSettings,
    OutboxSettings,
    OutgoingSettings,
    PublishSettings,
    RapportSettings,
    ReviewSettings,
    Settings,
    SettingsError,
    WebSettings,
    WorkerSettings,
    async_redis_client,
    masked,
    redis_client,
)
from signoff_schemas.redis_options import allowed_options
from signoff_schemas.role_settings import misspelt

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
        ("BATCH_SIZE", "many", "a whole number"),
        ("BATCH_SIZE", "0", "greater than or equal to 1"),
        ("BATCH_SIZE", "5001", "less than or equal to 5000"),
        ("MAX_QUEUE_LENGTH", "0", "greater than or equal to 1"),
        ("REDELIVER_AFTER", "2.9", "greater than or equal to 3"),
        ("REDELIVER_AFTER", "nan", "3"),
        ("RETRY_ATTEMPTS", "21", "less than or equal to 20"),
        ("RETRY_DELAY", "0", "greater than 0"),
        ("MAX_REDELIVERIES", "1.5", "a whole number"),
        ("REDELIVER_AFTER", "soon", "a number"),
        ("HEALTH_HOST", " ", "text that is not empty"),
        ("QUEUE", "a b", "letters, digits"),
        ("QUEUE", "q" * 101, "at most 100"),
        ("LOG_FORMAT", "xml", "one of 'text' or 'json'"),
        ("LOG_LEVEL", "LOUD", "'DEBUG'"),
        ("REDIS_URL", "localhost:6379", "a URL such as redis://localhost:6379/0"),
        ("REDIS_URL", "redis://localhost:port", "a URL such as redis://localhost:6379/0"),
        ("REDIS_URL", "redis://localhost/?db=x", "whose option db has a value of its kind"),
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

    shown = masked(value) if name.endswith("URL") else value
    assert before.replace("'", "").startswith(f"SIGNOFF_{name} holds {shown[:75]}")
    assert expected in after


def test_every_wrong_value_is_named_at_once(env_file: EnvFile) -> None:
    """One line each, so that a person mends them all in one go."""
    env_file("SIGNOFF_BATCH_SIZE=x\nSIGNOFF_LOG_LEVEL=y\n")

    lines = refusal().splitlines()

    assert [line.split()[0] for line in lines] == ["SIGNOFF_BATCH_SIZE", "SIGNOFF_LOG_LEVEL"]


def test_a_wrong_argument_is_named() -> None:
    """An argument is held to the same rules, and named as such: no variable is at fault."""
    with pytest.raises(SettingsError, match=r"^the argument queue holds ''; expected"):
        Settings.load(queue="")
    with pytest.raises(SettingsError, match=r"^--queue holds ''; expected"):
        Settings.load_named({"queue": ""}, lambda field: f"--{field}")


def test_an_env_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """A file in another encoding is named, without a traceback."""
    (tmp_path / ".env").write_bytes("SIGNOFF_QUEUE=käse".encode("latin-1"))

    assert refusal().startswith(".env cannot be read as UTF-8 text")


def test_a_folder_that_cannot_be_entered_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sudo -u signoff signoff status` keeps the folder of whoever runs it: without a traceback."""
    closed = tmp_path / "closed"
    closed.mkdir()
    monkeypatch.chdir(closed)
    closed.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        assert refusal() == (
            ".env cannot be read: Permission denied; let this user read it, or start in another "
            "folder"
        )
    finally:
        os.seteuid(user)
        closed.chmod(0o700)


def test_a_removed_folder_holds_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployment may replace the folder of a shell that stays open in it."""
    removed = tmp_path / "removed"
    removed.mkdir()
    monkeypatch.chdir(removed)
    removed.rmdir()

    assert load_settings().redis_url is None


def test_an_env_file_is_read_in_bounds(tmp_path: Path) -> None:
    """What is too large to be one is not read whole."""
    with (tmp_path / ".env").open("wb") as file:
        file.truncate(100_000_000)

    assert refusal().startswith(".env is too large for a file of settings")


def test_an_env_file_may_be_an_own_pipe(tmp_path: Path) -> None:
    """A keeper of secrets may write the settings as they are read."""
    os.mkfifo(tmp_path / ".env", 0o600)
    writer = threading.Thread(
        target=lambda: (tmp_path / ".env").write_text("SIGNOFF_QUEUE=other"), daemon=True
    )
    writer.start()

    assert Settings.load().queue == "other"
    writer.join()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_another_users_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody need ever write to it."""
    os.mkfifo(tmp_path / ".env", 0o600)
    os.chown(tmp_path / ".env", 65534, -1)

    assert "belongs to nobody (user id 65534)" in refusal()


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("redis_url", "SIGNOFF_REDIS_URL=redis://localhost:6379/0"),
        ("database_url", "SIGNOFF_DATABASE_URL=postgresql://user@localhost:5432/signoff"),
        ("rapport_url", "SIGNOFF_RAPPORT_URL=postgresql://user@localhost:5432/signoff_rapport"),
    ],
)
def test_a_missing_url_is_asked_for(name: str, example: str) -> None:
    """Who needs a URL that is not set says how to set it."""
    with pytest.raises(SettingsError, match=f"for example {example}"):
        Settings.load().require(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("way", ["environment", "file"])
@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("database_url", "SIGNOFF_DATABSE_URL"),
        ("database_url", "SIGNOFF_DATABASE"),
        ("redis_url", "signoff_redis_uri"),
    ],
)
def test_a_misspelt_variable_is_named_where_the_setting_is_missing(
    monkeypatch: pytest.MonkeyPatch, env_file: EnvFile, *, way: str, name: str, variable: str
) -> None:
    """What was set under another name is what the person believes to have set."""
    if way == "file":
        env_file(f"{variable}=x\n")
    else:
        monkeypatch.setenv(variable, "x")
    with pytest.raises(SettingsError, match=f"{variable} is set, which nothing reads: is it miss"):
        Settings.load().require(name)  # type: ignore[arg-type]


def test_no_setting_is_taken_for_another_one_misspelt() -> None:
    """Each is known under its own name; the environment of a test run has others beside."""
    names = [f"SIGNOFF_{name.upper()}" for name in Settings.model_fields]
    for variable in ("SIGNOFF_REDIS_URL", "SIGNOFF_DATABASE_URL"):
        assert misspelt(variable, [name for name in names if name != variable]) is None


def test_a_setting_that_is_there_is_not_called_misspelt(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much its name is like that of the missing one."""
    monkeypatch.setenv("SIGNOFF_ALERT_URL", "https://example.com")
    with pytest.raises(SettingsError, match="RAPPORT_URL is not set; set it"):
        Settings.load().require("rapport_url")


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
    ("redis://localhost:6379/0", "redis://localhost:6379/0"),
    ("unix:///run/redis.sock?db=2", "unix:///run/redis.sock"),
    ("postgresql://h:1/my%20db", "postgresql://h:1/my%20db"),
    ("redis+sentinel://h:1,[::1]:2,k/s/3", "redis+sentinel://h:1,[::1]:2,k/s/3"),
    (f"redis://:{SECRET}@host", "redis://:***@host"),
    (f"redis://{SECRET}@host", "redis://***@host"),
    (f"rediss://:{SECRET}@host:6380/0", "rediss://:***@host:6380/0"),
    (f"redis://user:{SECRET}@host", "redis://***@host"),
    (
        f"redis+sentinel://u:{SECRET}@h:1,k/s?sentinel_password={SECRET}",
        "redis+sentinel://***@h:1,k/s",
    ),
    (f"postgresql://u:{SECRET}%40ss@h/db", "postgresql://***@h/db"),
    (f"postgresql://u:{SECRET}@ss:{SECRET}@h/db", "postgresql://***@h/db"),
    (f"postgresql://u:{SECRET}%@h/db", "postgresql://***@h/db"),
    (f"postgresql://u:{SECRET} x@h/db", "postgresql://***@h/db"),
    (f"postgresql://u:a/{SECRET}@h/db", "postgresql://***"),
    (f"postgresql://u:1/{SECRET}@h/db", "postgresql://***"),
    (f"postgresql://u:a?{SECRET}#b@h/db", "postgresql://***"),
    (f"postgresql://u:a {SECRET}\n@h/db", "postgresql://***@h/db"),
    (f"postgresql://u:a[{SECRET}@h/db", "postgresql://***@h/db"),
    (f"postgresql://u@x/{SECRET}@h/db", "postgresql://***"),
    (f"postgresql://h/{SECRET} db", "postgresql://h/***"),
    (f"redis://:{SECRET}", "redis://***"),
    (f"redis://:12#{SECRET}@h", "redis://***"),
    (f"redis://:password={SECRET}&x@h", "redis://:***@h"),
    (f"postgresql://u:{SECRET}@h1:1,h2:2/db", "postgresql://***@h1:1,h2:2/db"),
    (f"redis://h/0?password={SECRET}&db=1", "redis://h/0"),
    (f"redis://h/0?db=1&PASSWORD={SECRET}", "redis://h/0"),
    (f"redis://h/0?pasword={SECRET}", "redis://h/0"),
    (f"redis://h/0?{SECRET}", "redis://h/0"),
    (f"redis://h/{SECRET}", "redis://h/***"),
    (f"postgresql://h:1/db?password=a@{SECRET}", "postgresql://***"),
    (f"postgresql://u@h/db?sslpassword={SECRET}", "postgresql://***@h/db"),
    (f"host=h password={SECRET} user=u", "***"),
    (f"host=h password = 'a\\' {SECRET}' user=u", "***"),
    (f"u:{SECRET}@h", "***"),
    (SECRET, "***"),
    (f"https://u:{SECRET}@h", "https://***@h"),
    (f"https://hooks.example.com/services/T0/{SECRET}", "https://hooks.example.com/***"),
    (f"https://h/?token={SECRET}", "https://h/"),
    (f"https://h:{SECRET}/hook", "https://***"),
    (f"postgresql:/u:{SECRET}@h", "***"),
    (f" redis://:{SECRET}@h/1 ", "redis://:***@h/1"),
]


@pytest.mark.parametrize(("url", "shown"), MASKED)
def test_only_what_is_harmless_of_a_url_is_shown(url: str, shown: str) -> None:
    """Wherever a password stands, and however it fails to be percent-encoded."""
    assert masked(url) == shown


@given(
    scheme=st.sampled_from(["redis", "rediss", "redis+sentinel", "postgresql", "https", "unix"]),
    before=st.text(max_size=8),
    after=st.text(max_size=8),
)
@example(scheme="redis", before="", after="/")
@example(scheme="postgresql", before="1/", after="?")
def test_no_password_is_shown_whatever_stands_around_it(
    scheme: str, before: str, after: str
) -> None:
    """Any text before and behind it, in the password: nothing of it is percent-encoded."""
    assert SECRET not in masked(f"{scheme}://user:{before}{SECRET}{after}@host:1/0")
    assert SECRET not in masked(f"{scheme}://host/0?{before}={SECRET}{after}")


@pytest.mark.parametrize(("url", "shown"), MASKED)
@pytest.mark.parametrize("name", ["redis_url", "database_url", "alert_url"])
def test_no_error_shows_a_password(name: str, url: str, shown: str) -> None:
    """Neither the error of a URL that is wrong, nor the settings that hold a good one."""
    try:
        said = repr(Settings.load(**{name: url}))
    except SettingsError as error:
        said = str(error)
        assert f"holds {shown}; expected" in said

    assert SECRET not in said


# Options of a Redis URL


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("socket_timout=5", "unknown option socket_timout; perhaps socket_timeout is meant"),
        (
            "ssl_ca_certs=ca.pem",
            "begins with rediss:// (TLS), since it has the option ssl_ca_certs",
        ),
        ("socket_timeout=soon", "option socket_timeout has a value of its kind"),
        ("decode_responses=true", "client that returns bytes"),
        (f"{SECRET}=1", "no unknown option behind its '?' (one of client_name"),
        (f"pw={SECRET}", "no unknown option behind its '?' (one of client_name"),
        (f"{SECRET}@h", "special characters of its password percent-encoded"),
    ],
)
def test_a_wrong_option_of_a_redis_url_is_told(query: str, expected: str) -> None:
    """By its name, where that is surely one; its value is not shown."""
    with pytest.raises(SettingsError) as caught:
        Settings.load(redis_url=f"redis://localhost/0?{query}")

    assert expected in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", ["false", "False", "no", "0"])
@pytest.mark.parametrize("make", [redis_client, async_redis_client])
@pytest.mark.parametrize("server", ["redis://h/0", "redis+sentinel://h/service/0"])
def test_responses_that_are_not_to_be_decoded_are_not(make: Any, server: str, value: str) -> None:
    """redis-py takes the text `False` for true."""
    url = f"{server}?decode_responses={value}&client_name=app"
    assert Settings.load(redis_url=url).redis_url == url

    options = make(url).connection_pool.connection_kwargs

    assert not options.get("decode_responses")
    assert options["client_name"] == "app"


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix", "redis+sentinel"])
def test_every_option_that_is_allowed_is_one_of_redis_py(scheme: str) -> None:
    """Both of its kinds of connection take it."""
    special = {"max_connections", "sentinel_username", "sentinel_password"}
    for make in (redis_client, async_redis_client):
        pool = make("redis://h" if scheme == "redis+sentinel" else f"{scheme}://h").connection_pool
        kinds = pool.connection_class.__mro__
        known = {name for kind in kinds for name in inspect.signature(kind).parameters}
        assert allowed_options(scheme) - special <= known


# What else people write


@pytest.mark.parametrize("text", ["false", "False", " off ", "no", "0"])
@pytest.mark.parametrize("way", ["environment", "file"])
def test_a_spool_can_be_switched_off_by_a_variable(
    monkeypatch: pytest.MonkeyPatch, env_file: EnvFile, way: str, text: str
) -> None:
    """`false` is no file of that name."""
    if way == "file":
        env_file(f"SIGNOFF_SPOOL={text}\n")
    else:
        monkeypatch.setenv("SIGNOFF_SPOOL", text)

    assert Settings.load().spool is False


def test_a_spool_that_is_merely_switched_on_is_refused() -> None:
    """It needs the path of a file."""
    with pytest.raises(SettingsError, match="the argument spool holds 'true'; expected the path"):
        Settings.load(spool="true")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("'a${b}c'", "a${b}c"),
        ("a${b}c", "a${b}c"),
        ('"a${HOME}c"', "a${HOME}c"),
        ("'a#b' # the key", "a#b"),
    ],
)
def test_a_secret_is_read_as_it_is_written(env_file: EnvFile, line: str, value: str) -> None:
    """Nothing in it stands for another variable."""
    env_file(f"b=x\nSIGNOFF_ALERT_SECRET={line}\n")

    assert Settings.load().alert_secret == value


def test_a_blank_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would sign with a key that everybody knows."""
    monkeypatch.setenv("SIGNOFF_ALERT_SECRET", "  ")

    assert refusal() == (
        "SIGNOFF_ALERT_SECRET holds ***; expected a key that is not blank; leave the variable out "
        "for none"
    )


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    """Editors of Windows write one."""
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfSIGNOFF_QUEUE=orders\r\n")

    assert Settings.load().queue == "orders"


def test_a_database_may_have_any_name(env_file: EnvFile) -> None:
    """Percent-encoded, as in any URL."""
    env_file("SIGNOFF_DATABASE_URL=postgresql://u:a%25@h/my%20db%2Fx\n")

    assert Settings.load().require("database_url") == "postgresql://u:a%25@h/my%20db%2Fx"


@pytest.mark.parametrize("what", [".env", "."])
def test_what_another_user_wrote_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env_file: EnvFile, what: str
) -> None:
    """Neither the file nor its folder, in which it could be replaced: it names commands to run."""
    env_file("SIGNOFF_ALERT_COMMAND=evil\n")
    if os.geteuid() == 0:
        os.chown(tmp_path / what, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)

    assert "is not trusted" in refusal()
    env_file("ANOTHER_PROJECTS=settings\n")
    assert Settings.load().alert_command is None


# Roles


def test_a_producers_settings_are_its_own(
    monkeypatch: pytest.MonkeyPatch, env_file: EnvFile
) -> None:
    """A wrong setting of another role, or the `.env` of the folder, is not its business."""
    env_file("SIGNOFF_QUEUE=other-project\nSIGNOFF_PUBLISH_RETRIES=wrong\n")
    monkeypatch.setenv("SIGNOFF_ALERT_URL", "wrong")
    monkeypatch.setenv("SIGNOFF_BATCH_SIZE", "wrong")
    monkeypatch.setenv("SIGNOFF_MAX_QUEUE_LENGTH", "7")

    held = PublishSettings.load()

    assert (held.queue, held.publish_retries, held.max_queue_length) == ("approvals", 3, 7)


def test_all_settings_together_are_those_of_the_roles() -> None:
    """Each field stands in one role; commands read all of them."""
    roles = (
        PublishSettings,
        OutboxSettings,
        WorkerSettings,
        WebSettings,
        OutgoingSettings,
        AccountSettings,
        ReviewSettings,
        InsightSettings,
        RapportSettings,
        AlertSettings,
    )
    assert set(Settings.model_fields) == {name for role in roles for name in role.model_fields}
    assert issubclass(Settings, roles)
