"""The forecast: what customers are expected to buy and to spend, with the error of the same before.

What needs numpy is loaded when a forecast is asked for: other views do without it.
"""

from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Reach, Report

NAME: Final = "forecast"
TITLE: Final = "Forecast"
DEFINITION: Final = (
    "What the customers who had bought by a day are expected to buy and to spend in the weeks after"
    " it, by the models MBG/NBD and Gamma-Gamma, beside the error of the same forecast where the"
    " truth is known."
)


def forecast(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Report:
    """Fit the models, look ahead, and test them against what came.

    Raises:
        ModuleNotFoundError: numpy is not installed (the extra `insight`).
    """
    from signoff_insight.views.forecast_report import forecast_of  # noqa: PLC0415 -- needs numpy

    figures, tables, warnings, notes = forecast_of(connection, asked, reach)
    return Report(NAME, TITLE, DEFINITION, asked, reach, tables, figures, warnings, notes)
