"""TLS to Redis and to Postgres, set in their URLs: other servers are refused."""

from pathlib import Path

import pytest
from approvals import mapping
from command_line import Signoff, lines
from publishers import publishing
from tls import Authority, tls

from signoff_producer import QueueUnavailableError


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    """The certificate authority that the URLs name."""
    return Authority(tmp_path, "ours")


@pytest.fixture
def other(tmp_path: Path) -> Authority:
    """Another certificate authority."""
    return Authority(tmp_path, "other")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_publishing_over_tls(kind: str, redis_url: str, ours: Authority) -> None:
    """rediss:// with the authority's certificate in the URL."""
    with (
        tls(redis_url, ours.server("127.0.0.1")) as url,
        publishing(kind, f"{url}?ssl_ca_certs={ours.file}") as publisher,
    ):
        assert publisher.publish(mapping()).answer == "accepted"


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("host", ["127.0.0.1", "redis.example"], ids=["authority", "host"])
def test_another_servers_certificate_is_refused(
    kind: str, host: str, redis_url: str, ours: Authority, other: Authority
) -> None:
    """From another authority, or for another host; no event is sent."""
    shown = other if host == "127.0.0.1" else ours
    with (
        tls(redis_url, shown.server(host)) as url,
        publishing(
            kind, f"{url}?ssl_ca_certs={ours.file}&ssl_check_hostname=yes", publish_retries=0
        ) as publisher,
        pytest.raises(QueueUnavailableError, match="certificate verify failed"),
    ):
        publisher.publish(mapping())


def test_commands_and_workers_over_tls(
    signoff: Signoff, redis_url: str, database_url: str, ours: Authority
) -> None:
    """From a publish to the ledger, with TLS to both servers, `sslmode=verify-full`."""
    with (
        tls(redis_url, ours.server("127.0.0.1")) as redis_tls,
        tls(database_url, ours.server("127.0.0.1")) as postgres_tls,
    ):
        secure = signoff.having(
            SIGNOFF_REDIS_URL=f"{redis_tls}?ssl_ca_certs={ours.file}",
            SIGNOFF_DATABASE_URL=f"{postgres_tls}?sslmode=verify-full&sslrootcert={ours.file}",
        )
        event = mapping()

        secure("publish", "-", typed=lines(event))
        secure.work()

        assert secure.json("interaction", event["interaction_id"])["customer_status"] == "PROSPECT"


@pytest.mark.parametrize("host", ["127.0.0.1", "postgres.example"], ids=["authority", "host"])
def test_another_postgres_is_refused(
    host: str, signoff: Signoff, database_url: str, ours: Authority, other: Authority
) -> None:
    """With libpq's reason."""
    shown = other if host == "127.0.0.1" else ours
    with tls(database_url, shown.server(host)) as url:
        wrong = signoff.having(
            SIGNOFF_DATABASE_URL=f"{url}?sslmode=verify-full&sslrootcert={ours.file}"
        )

        printed = wrong("funnel", expect=2).stderr

    assert "certificate" in printed
