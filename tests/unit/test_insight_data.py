"""A report as JSON, as CSV, and as people read it."""

import csv
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_insight.report import Asked, Column, Reach, Report, Table, Unit, Value
from signoff_ops.insight import UnknownTableError, only_table
from signoff_ops.insight_data import csv_of, reach_text, report_data, report_reach_text, shown
from signoff_schemas.wording import json_text

COLUMNS = tuple(Column(str(unit), str(unit), unit) for unit in Unit)
ROW: tuple[Value, ...] = (
    "ann",
    1234,
    0.25,
    -0.125,
    Decimal("1234.5"),
    2.5,
    0.569,
    date(2021, 3, 1),
    date(2021, 3, 31),
    0.0375,
    True,
)
REACH = Reach(
    "Europe/Berlin", datetime(2021, 3, 31, 22, 30, tzinfo=UTC), date(2021, 3, 30), rebuilt=None
)


def report(*rows: tuple[Value, ...], **figures: object) -> Report:
    """A report of the funnel with a table of one column of each unit, and an empty one."""
    tables = (Table("all", "All", COLUMNS, rows), Table("none", "None", COLUMNS[:2], ()))
    return Report(
        "funnel", "Funnel", "It is.", Asked(cohort=date(2021, 3, 1)), REACH, tables, figures, ("n",)
    )


def one_cell(value: Value, unit: Unit) -> str:
    """The CSV of a table with one cell."""
    return csv_of(Table("t", "T", (Column("c", "C", unit),), ((value,),))).removeprefix("c\n")[:-1]


def test_a_report_is_data() -> None:
    """Tables by name, each value in the form of its unit; figures at the top level."""
    found = json.loads(
        json_text(report_data(report(ROW, (None,) * len(ROW), weeks={"r": Decimal(1)})))
    )
    assert found["tables"]["none"] == []
    full, empty = found["tables"]["all"]
    assert full == {
        "text": "ann",
        "count": 1234,
        "share": 0.25,
        "points": -0.125,
        "usd": "1234.50",
        "days": 2.5,
        "minutes": 0.569,
        "month": "2021-03",
        "day": "2021-03-31",
        "number": 0.0375,
        "flag": True,
    }
    assert set(empty.values()) == {None}
    assert found["weeks"] == {"r": "1.00"}
    assert found["columns"]["none"][1] == {"name": "count", "title": "count", "unit": "count"}
    assert found["asked"]["cohort"] == "2021-03"
    assert found["asked"]["within"] == 30
    assert found["reach"] == {
        "timezone": "Europe/Berlin",
        "data_until": "2021-03-31T22:30:00Z",
        "provisional_since": "2021-03-30",
        "rebuilt": None,
    }
    assert found["notes"] == ["n"]


def test_figures_never_take_the_place_of_a_member() -> None:
    """What is no number for JSON is null."""
    found = report_data(report(name="x", bias=float("nan"), at=date(2021, 3, 1), list=[1, (2,)]))
    assert (found["name"], found["bias"], found["at"]) == ("funnel", None, "2021-03-01")
    assert found["list"] == [1, [2]]


def test_csv_has_the_values_of_json() -> None:
    """What is not known is empty."""
    heading, full, empty = csv_of(report(ROW, (None,) * len(ROW)).tables[0]).splitlines()
    assert heading == "text,count,share,points,usd,days,minutes,month,day,number,flag"
    assert full == "ann,1234,0.25,-0.125,1234.50,2.5,0.569,2021-03,2021-03-31,0.0375,true"
    assert empty == "," * (len(ROW) - 1)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        " =1",
        "\t=1",
        '=HYPERLINK("http://x")',
        "\uff1d1",
        "\uff20A1",
    ],
)
def test_a_text_is_never_a_formula(text: str) -> None:
    """Whoever chose the id of a customer or reviewer does not choose what a spreadsheet does."""
    (cell,) = next(csv.reader([one_cell(text, Unit.TEXT)]))
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d", "\uff20"))


def test_numbers_keep_their_sign() -> None:
    """They are ours, and no text."""
    assert one_cell(-0.5, Unit.SHARE) == "-0.5"
    assert one_cell(Decimal("-1.5"), Unit.USD) == "-1.50"


@given(st.text())
def test_a_row_of_csv_is_a_line(text: str) -> None:
    """Whatever a text holds, and nothing of it reaches a terminal unescaped."""
    lines = one_cell(text, Unit.TEXT).split("\n")
    assert len(lines) == 1
    assert not lines[0] or lines[0].isprintable()


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.2345, Unit.SHARE, "23.4 %"),
        (1, Unit.SHARE, "100.0 %"),
        (-0.02, Unit.SHARE, "-2.0 %"),
        (0.015, Unit.POINTS, "+1.5 points"),
        (-0.2, Unit.POINTS, "-20.0 points"),
        (-0.0001, Unit.POINTS, "0.0 points"),
        (Decimal("1234567.5"), Unit.USD, "1,234,567.50"),
        (12.5, Unit.USD, "12.50"),
        (12345, Unit.COUNT, "12,345"),
        (3, Unit.DAYS, "3.0"),
        (0.569, Unit.MINUTES, "34 s"),
        (150, Unit.MINUTES, "2.5 h"),
        (0.03751, Unit.NUMBER, "0.038"),
        (date(2021, 3, 1), Unit.MONTH, "2021-03"),
        (date(10, 3, 1), Unit.MONTH, "0010-03"),
        (date(2021, 3, 1), Unit.DAY, "2021-03-01"),
        (False, Unit.FLAG, "no"),
        ("x", Unit.TEXT, "x"),
        (None, Unit.SHARE, None),
        (float("inf"), Unit.NUMBER, None),
    ],
)
def test_people_read_units(value: Value, unit: Unit, expected: str | None) -> None:
    """Percent, cents, months; what is not known is no text at all."""
    assert shown(value, unit) == expected


def test_the_desk_reaches_until_now() -> None:
    """It reads the reviews; how far the customer facts reach says nothing about it."""
    facts = report()
    assert report_reach_text(facts) == reach_text(REACH)
    said = report_reach_text(replace(facts, name="desk"))
    assert re.fullmatch(r"Read from the reviews at [\d-]{10} \d\d:\d\d \(Europe/Berlin\)\.", said)


def test_the_reach_is_told_in_the_zone_of_the_days() -> None:
    """Half past ten in UTC is after midnight in Berlin."""
    assert reach_text(REACH) == (
        "Data until 2021-04-01 00:30 (Europe/Berlin). From 2021-03-30 on, late events may still "
        "change the numbers."
    )
    assert reach_text(Reach("UTC", None, None)) == "There is no event yet. Days are those of UTC."


def test_one_table_is_chosen_by_name() -> None:
    """A wrong name is refused with the list."""
    assert [table.name for table in only_table(report(), "none").tables] == ["none"]
    assert only_table(report(), None) == report()
    with pytest.raises(UnknownTableError, match=r"view funnel has no table 'x'; it has all, none"):
        only_table(report(), "x")
