"""`signoff rapport`: make, keep, show, rebuild and audit the contexts of customers."""

import json
import os
import re
import signal
from pathlib import Path

import psycopg
import pytest
from approvals import mapping
from command_line import Signoff
from processes import eventually, exit_code


@pytest.fixture
def rapport(signoff: Signoff, empty_database_url: str) -> Signoff:
    """The command line with a second database that has no tables yet."""
    return signoff.having(SIGNOFF_RAPPORT_URL=empty_database_url)


def test_contexts_are_made_kept_and_shown(rapport: Signoff, empty_database_url: str) -> None:
    """From the first table to an audit that finds what somebody changed."""
    missing = rapport("rapport", "run", "--once", expect=2).stderr
    assert "signoff rapport create" in missing
    assert "signoff rapport create" in rapport("rapport", "show", "ann", expect=2).stderr
    assert "are in postgresql://" in rapport("rapport", "create").stdout
    rapport.publish(mapping(user_id="ann", customer_status="CUSTOMER", ltv_amount="5"))
    rapport.work()
    assert "not there yet" in rapport("rapport", "show", "ann", expect=2).stderr
    assert "up to date" in rapport("rapport", "run", "--once").stdout
    shown = json.loads(rapport("rapport", "show", "ann").stdout)
    assert (shown["ltv_usd"], shown["as_of"]["is_behind"]) == ("5.00", False)
    unknown = rapport("rapport", "show", "bob", expect=1).stderr
    assert "the customer 'bob'" in unknown
    assert re.search(r"of what was there until [\d-]{10} [\d:]{8} UTC\.", unknown)
    assert "No context is wrong." in rapport("rapport", "audit").stdout
    rapport.publish(mapping(user_id="bob"))
    rapport.work()
    assert "1 context is behind" in rapport("rapport", "audit").stdout
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("UPDATE rapport.contexts SET context = context - 'tags'")
        found = connection.execute("SELECT rapport.signoff_context('ann')").fetchone()
        assert found
        assert found[0]["as_of"]
    wrong = rapport("rapport", "audit", expect=1).stdout
    assert "1 context is wrong:\n  ann: differs in tags" in wrong
    assert rapport.json("rapport", "audit", expect=1)["wrong"] == 1
    assert "say --yes" in rapport("rapport", "rebuild", expect=2).stderr
    assert "up to date" in rapport("rapport", "rebuild", "--yes").stdout
    assert rapport.json("rapport", "rebuild", "--yes") == {"is_up_to_date": True}
    assert rapport.json("rapport", "create")["database"].startswith("postgresql://")
    assert rapport.json("rapport", "show", "ann")["user_id"] == "ann"
    assert rapport.json("rapport", "audit") == {
        "customers": 2,
        "behind": 0,
        "wrong": 0,
        "examples": [],
    }


def test_without_a_second_database_the_setting_is_named(signoff: Signoff) -> None:
    """Whichever command it is."""
    for command in ("create", "run", "audit"):
        found = signoff("rapport", command, expect=2).stderr
        assert "SIGNOFF_RAPPORT_URL is not set" in found


def test_a_second_database_that_is_away_is_named(signoff: Signoff) -> None:
    """By its address, without its password; nothing else stops."""
    away = signoff.having(SIGNOFF_RAPPORT_URL="postgresql://u:secret@127.0.0.1:9/x")
    for command in ("create", "audit"):
        found = away("rapport", command, expect=2).stderr
        assert "127.0.0.1:9" in found
        assert "secret" not in found
    away.publish(mapping(user_id="ann"))
    away.work()
    status = away.json("status", expect=2)
    assert (status["applied"], list(status["away"])) == (1, ["rapport"])


def test_the_keeper_ends_on_a_signal(rapport: Signoff, tmp_path: Path) -> None:
    """After it has kept what was applied; a second database that comes later is waited for."""
    rapport("rapport", "create")
    log = tmp_path / "log"
    with (
        log.open("wb") as output,
        rapport.process("rapport", "run", stdout=output, stderr=output) as keeper,
    ):
        try:
            rapport.publish(mapping(user_id="ann"))
            rapport.work()
            show = ("rapport", "show", "ann")
            eventually(lambda: rapport(*show, expect=None).stdout != "", what="it is kept", log=log)
            os.kill(keeper.pid, signal.SIGTERM)
            assert exit_code(keeper, log=log) == 0
        finally:
            keeper.kill()
