"""What an operation changed, or would change: counts, amounts, statuses, and why events fail."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from typing import Any, Final, Self

from signoff_schemas import FailureKind, Verdict
from signoff_schemas.wording import amount_text

_MOST_CAUSES: Final = 100
"""The most causes of failures that are kept apart."""
_SHORT: Final = 300
"""Characters of a message that are kept."""
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Holders:
    """How many of the interactions and customers that were touched held a status."""

    before: int = 0
    after: int = 0

    def __add__(self, other: "Holders") -> "Holders":
        return Holders(self.before + other.before, self.after + other.after)


@dataclass(frozen=True, slots=True)
class FailingCause:
    """Events that fail again for one cause."""

    fingerprint: str
    kind: FailureKind
    message: str
    """The message of the first one."""
    count: int


@dataclass(frozen=True, slots=True)
class Effect:
    """The sum over the letters that were tried."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """By verdict or failure kind; of a discard, `discarded`."""
    ltv_before: Decimal = _ZERO
    """The sum over the interactions that events were applied to, each counted once."""
    ltv_after: Decimal = _ZERO
    statuses: Mapping[str, Holders] = field(default_factory=dict)
    """By status: what an event touches is an approval's interaction, a decision's customer."""
    causes: tuple[FailingCause, ...] = ()
    """The causes of failures, the most frequent first."""
    other_causes: int = 0
    """How many failures have causes beyond these."""
    locked: int = 0
    """Letters of a dry run whose result is not known: other transactions held their rows."""
    exact: bool = True
    """Whether amounts and statuses are exact. They are not if a dry run had to try the letters of
    one customer in parts, since there were too many for one transaction."""

    @property
    def resolved(self) -> int:
        """How many letters' events are in the ledger, or would be."""
        return sum(self.counts.get(verdict, 0) for verdict in Verdict)

    @property
    def failed(self) -> int:
        """How many letters' events failed again, or would."""
        return sum(self.counts.get(kind, 0) for kind in FailureKind)

    @property
    def discarded(self) -> int:
        """How many letters were discarded, or would be."""
        return self.counts.get("discarded", 0)

    def plus(self, other: Self) -> "Effect":
        """This and another part of the same operation."""
        causes, others = _together(self.causes, other.causes)
        return Effect(
            Counter(self.counts) + Counter(other.counts),
            self.ltv_before + other.ltv_before,
            self.ltv_after + other.ltv_after,
            {
                status: self.statuses.get(status, Holders()) + other.statuses.get(status, Holders())
                for status in sorted({*self.statuses, *other.statuses})
            },
            causes,
            self.other_causes + other.other_causes + others,
            self.locked + other.locked,
            self.exact and other.exact,
        )

    @property
    def data(self) -> dict[str, Any]:
        """As JSON holds it; `of_data` reads it."""
        return {
            "counts": dict(self.counts),
            "ltv_before": amount_text(self.ltv_before),
            "ltv_after": amount_text(self.ltv_after),
            "statuses": {
                status: {"before": held.before, "after": held.after}
                for status, held in self.statuses.items()
            },
            "causes": [
                {
                    "fingerprint": cause.fingerprint,
                    "kind": str(cause.kind),
                    "message": cause.message,
                    "count": cause.count,
                }
                for cause in self.causes
            ],
            "other_causes": self.other_causes,
            "locked": self.locked,
            "exact": self.exact,
        }

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> Self:
        """The effect that `data` made; an empty object is none."""
        if not data:
            return cls()
        return cls(
            data["counts"],
            Decimal(data["ltv_before"]),
            Decimal(data["ltv_after"]),
            {status: Holders(**held) for status, held in data["statuses"].items()},
            tuple(
                FailingCause(
                    cause["fingerprint"],
                    FailureKind(cause["kind"]),
                    cause["message"],
                    cause["count"],
                )
                for cause in data["causes"]
            ),
            data["other_causes"],
            data["locked"],
            data["exact"],
        )


def causes_of(failures: Iterator[tuple[str, FailureKind, str]]) -> tuple[FailingCause, ...]:
    """Failures by cause, from the fingerprint, the kind and the message of each."""
    counts: Counter[str] = Counter()
    first: dict[str, tuple[FailureKind, str]] = {}
    for fingerprint, kind, message in failures:
        counts[fingerprint] += 1
        first.setdefault(fingerprint, (kind, message[:_SHORT]))
    return tuple(
        FailingCause(fingerprint, *first[fingerprint], number)
        for fingerprint, number in sorted(counts.items(), key=_by_size)
    )


def _together(
    some: Sequence[FailingCause], more: Sequence[FailingCause]
) -> tuple[tuple[FailingCause, ...], int]:
    """The causes of both, and how many failures have causes that are not kept apart any more."""
    counts: Counter[str] = Counter()
    first: dict[str, FailingCause] = {}
    others = 0
    for cause in chain(some, more):
        if cause.fingerprint in first or len(first) < _MOST_CAUSES:
            first.setdefault(cause.fingerprint, cause)
            counts[cause.fingerprint] += cause.count
        else:
            others += cause.count
    return (
        tuple(
            FailingCause(name, first[name].kind, first[name].message, number)
            for name, number in sorted(counts.items(), key=_by_size)
        ),
        others,
    )


def _by_size(counted: tuple[str, int]) -> tuple[int, str]:
    """The order of causes: the biggest first; among equals by name, however they were summed."""
    return -counted[1], counted[0]
