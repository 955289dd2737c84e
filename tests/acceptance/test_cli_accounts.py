"""`signoff user` and `signoff key`: who may use the web service."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Signoff
from processes import exit_code

from signoff_ops.accounts import identity_of_key
from signoff_ops.servers import DirectServers
from signoff_ops.sign_in import Browser, sign_in, use_link
from signoff_schemas import Settings

PASSWORD = "correct horse"


@pytest.fixture
def servers(database_url: str) -> DirectServers:
    """The database that the commands write to."""
    return DirectServers(Settings.load(database_url=database_url))


def test_a_user_is_added_with_a_password_from_standard_input(
    signoff: Signoff, servers: DirectServers
) -> None:
    """The line break is no part of it."""
    typed = f"{PASSWORD}\r\nrest".encode()
    added = signoff("user", "add", "ann", "--role", "reviewer", "--password-stdin", typed=typed)
    assert added.stdout == "Added the user ann: reviewer.\n"
    assert sign_in(servers, "ann", PASSWORD, Browser())
    listed = signoff("user", "list").stdout
    assert re.search(r"ann\W+reviewer\W+password", listed)


def test_a_password_is_asked_for_twice_and_not_shown(
    signoff: Signoff, servers: DirectServers
) -> None:
    """On a terminal; a slip of the finger is asked for again."""
    ours, theirs = pty.openpty()
    command = ("user", "add", "ann", "--role", "viewer")
    with signoff.process(
        *command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as asking:
        os.close(theirs)
        shown = b""
        for answer in (PASSWORD, "a slip of it", PASSWORD, PASSWORD):
            while not re.search(rb"[Pp]assword: $|confirmation: $", shown):
                shown += os.read(ours, 1000)
            os.write(ours, f"{answer}\n".encode())
            shown += b"|"
        assert exit_code(asking) == 0
    os.close(ours)
    assert PASSWORD.encode() not in shown
    assert sign_in(servers, "ann", PASSWORD, Browser())


def test_without_a_terminal_a_password_cannot_be_asked_for(signoff: Signoff) -> None:
    """The message says what to do instead; nobody is added."""
    refused = signoff("user", "add", "ann", "--role", "viewer", expect=2)
    assert "--password-stdin" in refused.stderr
    assert "--link" in refused.stderr
    assert signoff.json("user", "list") == {"users": [], "next": None}


def test_a_password_is_no_argument(signoff: Signoff) -> None:
    """Everybody who can list processes would see it."""
    assert "--password " not in signoff("user", "add", "--help").stdout


@pytest.mark.parametrize(
    ("typed", "reason"), [(b"short\n", "has 5 characters"), (b"\xff" * 20, "is not UTF-8")]
)
def test_a_bad_password_is_refused_in_a_sentence(
    signoff: Signoff, typed: bytes, reason: str
) -> None:
    """With exit code 2, and it is not repeated."""
    command = ("user", "add", "ann", "--role", "viewer", "--password-stdin")
    assert reason in signoff(*command, typed=typed, expect=2).stderr


def test_a_link_signs_a_user_in_once(signoff: Signoff, servers: DirectServers) -> None:
    """It is printed by `user add --link`, and by `user link`."""
    added = signoff.json("user", "add", "ann", "--role", "admin", "--link")
    more = signoff.having(SIGNOFF_WEB_URL="https://desk.example/")("user", "link", "ann").stdout
    assert added["roles"] == ["admin"]
    assert added["link"].startswith("http://127.0.0.1:8420/sign-in/link?token=")
    assert more.startswith("https://desk.example/sign-in/link?token=")
    for text in (added["link"], more.split()[0]):
        assert use_link(servers, text.partition("token=")[2], Browser())


def test_users_are_disabled_enabled_and_changed(signoff: Signoff, servers: DirectServers) -> None:
    """Each change says what it did."""
    signoff("user", "add", "ann", "--role", "viewer", "--link")
    assert (
        "now: reviewer, operator"
        in signoff("user", "roles", "ann", "--role", "operator", "--role", "reviewer").stdout
    )
    signoff("user", "password", "ann", "--password-stdin", typed=PASSWORD.encode())
    signoff("user", "disable", "ann")
    assert sign_in(servers, "ann", PASSWORD, Browser()) is None
    (shown,) = signoff.json("user", "list")["users"]
    assert shown["disabled_at"]
    signoff("user", "enable", "ann")
    assert sign_in(servers, "ann", PASSWORD, Browser())


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("user", "disable", "bob"), "there is no user 'bob'"),
        (("user", "link", "bob"), "there is no user 'bob'"),
        (("user", "add", "Bob", "--role", "viewer", "--link"), "lower-case letters"),
        (("user", "add", "bob", "--role", "king", "--link"), "viewer"),
        (("key", "revoke", "bob"), "there is no valid key 'bob'"),
        (("key", "add", "bob", "--scope", "read", "--expires", "soon"), "--expires holds 'soon'"),
    ],
)
def test_what_cannot_be_done_is_said(
    signoff: Signoff, command: tuple[str, ...], reason: str
) -> None:
    """In a sentence, with exit code 2."""
    assert reason in signoff(*command, expect=2).stderr


def test_a_key_is_printed_once(signoff: Signoff, servers: DirectServers) -> None:
    """Alone on standard output, so that a script can keep it; the list does not show it."""
    added = signoff("key", "add", "billing", "--scope", "publish", "--expires", "90d")
    key = added.stdout.strip()
    assert "It is not shown again" in added.stderr
    assert identity_of_key(servers, key)
    listed = signoff("key", "list").stdout
    assert "billing" in listed
    assert key.rpartition("_")[2] not in listed
    signoff("key", "revoke", "billing")
    assert identity_of_key(servers, key) is None
    (shown,) = signoff.json("key", "list")["keys"]
    assert shown["revoked_at"]


def test_a_key_as_json(signoff: Signoff, servers: DirectServers) -> None:
    """`key` holds it."""
    added = signoff.json("key", "add", "a", "--scope", "read", "--scope", "admin")
    assert identity_of_key(servers, added["key"])
    assert (added["scopes"], added["expires_at"]) == (["read", "admin"], None)


def test_who_did_it_is_recorded(signoff: Signoff, servers: DirectServers) -> None:
    """`--actor`, else SIGNOFF_ACTOR."""
    signoff("user", "add", "ann", "--role", "viewer", "--link", "--actor", "eve")
    signoff("key", "add", "a", "--scope", "read")
    with servers.database() as connection:
        rows = connection.execute("SELECT actor, action FROM operator_actions ORDER BY id")
        assert rows.fetchall() == [("eve", "add_user"), ("eve", "make_link"), ("ann", "add_key")]


def test_a_password_needs_the_package_of_the_extra(signoff: Signoff, tmp_path: Path) -> None:
    """Without it, links and keys work, and the message names the extra."""
    without = (
        "import sys; sys.modules['argon2'] = None\nfrom signoff_cli.__main__ import main; main()"
    )
    command = ["-c", without, "user", "add", "ann", "--role", "viewer", "--password-stdin"]
    done = subprocess.run(
        [sys.executable, *command],
        env=signoff.environment, cwd=tmp_path, input=PASSWORD.encode(), capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"pip install 'signoff[web]'" in done.stderr
