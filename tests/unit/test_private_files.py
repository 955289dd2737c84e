"""Files are private; links and other users' files are neither written to nor trusted."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from signoff_schemas import Settings, SettingsError
from signoff_schemas.private_files import create_private, open_private
from signoff_schemas.trust import require_trusted, why_untrusted

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT


def append(path: Path) -> int:
    """Open a file to add to it."""
    return open_private(path, APPEND)


@pytest.mark.parametrize("make", [create_private, append])
def test_only_the_owner_can_read_a_new_file(tmp_path: Path, make: Callable[[Path], int]) -> None:
    """With any umask."""
    before = os.umask(0)
    try:
        os.close(make(tmp_path / "file"))
    finally:
        os.umask(before)

    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("make", [create_private, append])
@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_never_followed(tmp_path: Path, make: Callable[[Path], int], there: bool) -> None:
    """Neither to a file, nor to a missing file."""
    target = tmp_path / "target"
    if there:
        target.write_text("precious")
    (tmp_path / "link").symlink_to(target)

    with pytest.raises(OSError, match=r"File exists|it is a link"):
        make(tmp_path / "link")

    assert target.exists() == there


def test_an_existing_file_is_not_a_new_file(tmp_path: Path) -> None:
    """A new file never overwrites another one."""
    (tmp_path / "file").write_text("precious")

    with pytest.raises(FileExistsError):
        create_private(tmp_path / "file")


def test_a_file_with_a_second_name_is_refused(tmp_path: Path) -> None:
    """Another user may read it by the other name, or may have chosen the file."""
    (tmp_path / "file").touch()
    (tmp_path / "second").hardlink_to(tmp_path / "file")

    with pytest.raises(OSError, match="second name"):
        append(tmp_path / "second")


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    """Opening it does not wait for its other end."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match=r"no regular file|No such device"):
        append(tmp_path / "pipe")


def test_an_own_file_becomes_private(tmp_path: Path) -> None:
    """Its content is kept."""
    (tmp_path / "file").write_text("kept")
    (tmp_path / "file").chmod(0o644)

    os.close(append(tmp_path / "file"))

    assert (tmp_path / "file").read_text() == "kept"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


@AS_ROOT
def test_another_users_file_is_not_written_to(tmp_path: Path) -> None:
    """That user could read it."""
    (tmp_path / "file").touch()
    os.chown(tmp_path / "file", 65534, -1)

    with pytest.raises(OSError, match="belongs to user id 65534"):
        append(tmp_path / "file")


def test_an_own_file_in_an_own_folder_is_trusted(tmp_path: Path) -> None:
    """A missing file is no error."""
    (tmp_path / "file").touch()

    assert why_untrusted(tmp_path / "file") is None
    require_trusted(tmp_path / "none", "remedy")


def test_a_file_that_everybody_can_write_is_not_trusted(tmp_path: Path) -> None:
    """Anybody may have written its content, whoever owns it."""
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(0o666)

    with pytest.raises(
        SettingsError, match=r"file is not trusted: every user.*chmod o-w .*file\. Do this"
    ):
        require_trusted(tmp_path / "file", "Do this")


@AS_ROOT
@pytest.mark.parametrize("whose", ["folder", "file", "link", "target"])
def test_a_file_of_another_user_is_not_trusted(tmp_path: Path, whose: str) -> None:
    """Nor a link, the target of a link, or a folder that belongs to another user."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "elsewhere").touch()
    (folder / "file").touch()
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    foreign = tmp_path / "elsewhere" if whose == "target" else folder / whose
    foreign = folder if whose == "folder" else foreign
    os.chown(foreign, 65534, -1, follow_symlinks=False)

    looked_at = folder / ("link" if whose in {"link", "target"} else "file")
    assert "belongs to nobody (user id 65534), and this is root" in (why_untrusted(looked_at) or "")


@AS_ROOT
@pytest.mark.parametrize(
    ("text", "refused"), [("SIGNOFF_ALERT_COMMAND=evil", True), ("OTHER=1", False)]
)
def test_settings_of_another_users_folder_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, refused: bool
) -> None:
    """A `.env` in it could name a command that root runs; one without our variables is ignored."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(text)
    os.chown(tmp_path, 65534, -1)

    if not refused:
        Settings.load()
        return
    with pytest.raises(
        SettingsError, match=rf"{tmp_path}/\.env is not trusted: {tmp_path} belongs"
    ):
        Settings.load()
