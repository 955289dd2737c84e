"""The Docker files say what the stack relies on; no Docker engine is needed to check that."""

from pathlib import Path
from typing import Any

import pytest
import yaml

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
    assert flag(services["valkey"]["command"], option) == value


@pytest.mark.parametrize(
    ("service", "image", "folder"),
    [
        ("postgres", "postgres:18", "/var/lib/postgresql"),
        ("valkey", "valkey/valkey:9", "/data"),
    ],
)
def test_data_outlives_its_container(
    compose: dict[str, Any], service: str, image: str, folder: str
) -> None:
    """Both servers keep their data in a named volume, at the folder which that image uses."""
    mounts = dict(volume.split(":") for volume in compose["services"][service]["volumes"])

    assert compose["services"][service]["image"] == image
    assert list(mounts.values()) == [folder]
    assert set(mounts) <= set(compose["volumes"])


def test_servers_tell_when_they_are_ready(services: dict[str, Service]) -> None:
    """Health comes from the server's own answer, not from its process being there."""
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


def test_each_service_runs_its_command(services: dict[str, Service]) -> None:
    """The image's entry point is `signoff`, so that a service's command is one of its commands."""
    assert services["migrate"]["command"] == ["migrate"]
    assert services["worker"]["command"] == ["worker"]


def test_a_relay_runs_only_where_it_is_asked_for(services: dict[str, Service]) -> None:
    """Without an outbox it would have nothing to do; all else runs without naming a profile."""
    assert {name: service.get("profiles") for name, service in services.items()} == {
        **dict.fromkeys(services),
        "relay": ["outbox"],
    }
    assert services["relay"]["command"] == ["relay", "--prune-after", "7d"]
    assert dependencies(services["relay"]) == dependencies(services["worker"])


def test_a_relay_is_led_to_the_upstreams_database(services: dict[str, Service]) -> None:
    """By a variable; beside it the relay has whatever workers have, to publish and to prune."""
    environment = dict(services["relay"]["environment"])

    assert environment.pop("SIGNOFF_OUTBOX_URL") == "${SIGNOFF_OUTBOX_URL:-}"
    assert environment == services["worker"]["environment"]


@pytest.mark.parametrize("service", ["worker", "relay"])
@pytest.mark.parametrize("fixed", ["container_name", "ports", "hostname"])
def test_workers_and_relays_scale(services: dict[str, Service], service: str, fixed: str) -> None:
    """Nothing of them can exist only once: `--scale worker=4` gives four."""
    assert fixed not in services[service]


@pytest.mark.parametrize("service", ["worker", "relay"])
def test_a_batch_may_be_finished_and_a_crash_is_made_good(
    services: dict[str, Service], service: str
) -> None:
    """Docker's ten seconds before SIGKILL are too few for a batch; what crashed restarts."""
    assert services[service]["stop_grace_period"] == "1m"
    assert services[service]["restart"] == "unless-stopped"


def test_servers_are_not_open_to_the_network(services: dict[str, Service]) -> None:
    """With a default password, ports are published on the loopback address only."""
    published = [port for service in services.values() for port in service.get("ports", [])]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_containers_settings_are_settings(services: dict[str, Service]) -> None:
    """Each SIGNOFF_ variable is one that Signoff reads, and points at a service of this file."""
    environment = services["relay"]["environment"]

    assert {name.removeprefix("SIGNOFF_").lower() for name in environment} <= set(
        Settings.model_fields
    )
    assert "@valkey:6379/" in environment["SIGNOFF_REDIS_URL"]
    assert "@postgres:5432/" in environment["SIGNOFF_DATABASE_URL"]


def test_passwords_agree_on_both_sides(services: dict[str, Service]) -> None:
    """What a server asks for is what the URLs carry, from one variable with a default."""
    postgres = services["postgres"]["environment"]["POSTGRES_PASSWORD"]
    valkey = flag(services["valkey"]["command"], "--requirepass")
    environment = services["worker"]["environment"]

    assert postgres == "${POSTGRES_PASSWORD:-signoff}"
    assert f":{postgres}@" in environment["SIGNOFF_DATABASE_URL"]
    assert f":{valkey}@" in environment["SIGNOFF_REDIS_URL"]
    assert services["valkey"]["environment"]["REDISCLI_AUTH"] == valkey


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


def test_the_image_gets_all_that_the_build_reads() -> None:
    """The .dockerignore lets through each folder and file that building the wheel needs."""
    let_through = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }

    assert {"schemas", "producer", "db", "worker", "cli"} <= let_through
    assert {"pyproject.toml", "constraints.txt", "README.md", "LICENSE"} <= let_through
