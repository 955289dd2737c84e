"""The files of the migrations."""

from pathlib import Path

import signoff_db

FOLDER = Path(signoff_db.__file__).with_name("migrations")


def test_each_migration_has_its_own_number() -> None:
    """They are applied in the order of their names; two with one number would have none."""
    numbers = sorted(int(path.name.partition(".")[0]) for path in FOLDER.glob("*.sql"))
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(path.name[:4].isdecimal() for path in FOLDER.glob("*.sql"))
