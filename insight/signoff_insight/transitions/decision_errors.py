"""Why nothing is proposed, or decided about proposals."""

from signoff_schemas import SettingsError, SignoffError


class SwitchedOffError(SignoffError):
    """The kill switch is off."""


class OutboxMissingError(SettingsError):
    """The database has no outbox that a decision can be put into."""

    def __init__(self) -> None:
        super().__init__(
            "the database has no table signoff_outbox of this release, from which decisions are "
            "published; make it, or bring it up to date, with `signoff outbox create`. Nothing was "
            "decided"
        )


class WrongChoiceError(SignoffError):
    """What was chosen, or given with it, cannot be taken."""


class UnknownProposalError(SignoffError):
    """There is no proposal of this id."""

    def __init__(self, name: object) -> None:
        super().__init__(
            f"there is no proposal {name}; `signoff transitions list --show all` lists them"
        )


class StaleDataError(SignoffError):
    """What is known is not up to date, so customers may look silent who are not."""


class RunRefusedError(SignoffError):
    """A run cannot be made as it was asked for."""
