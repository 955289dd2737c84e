"""The figure of a rule's backtest: who was expected to return, and who did, by band."""

from collections.abc import Sequence
from typing import Final

from signoff_ops.transition_rules import Backtest, Band
from signoff_web.charts import words
from signoff_web.charts.marks import Key
from signoff_web.charts.rows import Row, pairs
from signoff_web.figures.figure import Figure, figure

_NAMES: Final = {"0": "never bought", "1": "bought once"}
_KEYS: Final = (
    Key("returned", "fill-1", "dot"),
    Key("expected to return", "fill-2", "diamond"),
)


def band_name(band: Band) -> str:
    """A band of customers, by on how many days they bought."""
    return _NAMES.get(band.name, f"bought on {band.name} days")


def calibration(found: Backtest) -> Figure | None:
    """Expected and actual returns by band; None if nothing was predicted of anybody."""
    bands = [band for band in found.bands if band.predicted is not None]
    if not bands:
        return None
    return figure(
        "calibration",
        _message(bands),
        "A row for each band of customers, by on how many days they had bought: a dot for the "
        "share that returned, a diamond for the share that was expected to. The table of bands has "
        "the same numbers.",
        lambda size: pairs(size, [_row(band) for band in bands], words.short_percent),
        keys=_KEYS,
        caption=f"Customers whom the rule would have picked on {words.day(found.at)}; returned: "
        f"bought within {words.counted(found.weeks, 'week')}",
    )


def _message(bands: Sequence[Band]) -> str:
    judged = [band for band in bands if band.is_judged]
    off = [band for band in judged if band.is_off]
    if not judged:
        return "No band has enough customers to tell whether what was expected is right"
    if not off:
        return "What was expected came, in each band with enough customers"
    named = " and ".join(f"those who {band_name(band)}" for band in off)
    return f"What was expected did not come: it is off by more than 5 points for {named}"


def _row(band: Band) -> Row:
    expected = "none" if band.predicted is None else words.percent(band.predicted)
    said = f"{words.percent(band.returned_share)} / {expected}"
    return Row(
        band_name(band),
        band.returned_share,
        said,
        words.counted(band.customers, "customer"),
        other=band.predicted,
        tip=f"returned / expected: {said}",
    )
