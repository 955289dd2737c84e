"""What can be wrong with the data that a forecast is asked of."""

from signoff_schemas.errors import SignoffError


class ForecastError(SignoffError):
    """A forecast cannot be made; its text says why and what to do."""


class HistoryError(ForecastError):
    """A purchase history contradicts itself."""


class TooFewCustomersError(ForecastError):
    """Too few customers bought twice for parameters that mean anything."""


class NoMaximumError(ForecastError):
    """The search for the most likely parameters did not end."""
