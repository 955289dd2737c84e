"""What use cases take and return, and the errors that a front end handles by their type.

The parts below `ops` define them. A front end imports them from here, so that it knows no part
below `ops` (a contract in pyproject.toml).
"""

from signoff_db.accounts.keys import Key
from signoff_db.accounts.sessions import Session
from signoff_db.accounts.users import User
from signoff_db.balances import Balance
from signoff_db.causes import CauseOrder, Group, Groups, Touched, Trend
from signoff_db.connection import DatabaseUnavailableError
from signoff_db.dead_letters import DeadLetter, FullLetter, NoSuchLetterError
from signoff_db.edit import Edited
from signoff_db.feed import FeedEvent, FeedPage
from signoff_db.feed_lag import ReaderState
from signoff_db.ledger_partitions import Partition
from signoff_db.letter_search import Counted, CutOffError, Listing
from signoff_db.migrate import Migrated
from signoff_db.operator_actions import Action, OperatorAction
from signoff_db.pages import Page
from signoff_db.prune import Pruned
from signoff_db.reading import FunnelStep, Interaction, LedgerEntry, Overview, Transition
from signoff_db.replay import Replayed, ReplayReport
from signoff_db.rights.roles import RoleDatabase
from signoff_db.selection import LONGEST_TEXT, Selection
from signoff_db.void_reasons import VoidCause
from signoff_queue.pausing import Pause
from signoff_queue.workers import WorkerState
from signoff_relay.reconciling import Reconciled
from signoff_relay.table import OutboxOverview, RefusedEvent

__all__ = [
    "LONGEST_TEXT",
    "Action",
    "Balance",
    "CauseOrder",
    "Counted",
    "CutOffError",
    "DatabaseUnavailableError",
    "DeadLetter",
    "Edited",
    "FeedEvent",
    "FeedPage",
    "FullLetter",
    "FunnelStep",
    "Group",
    "Groups",
    "Interaction",
    "Key",
    "LedgerEntry",
    "Listing",
    "Migrated",
    "NoSuchLetterError",
    "OperatorAction",
    "OutboxOverview",
    "Overview",
    "Page",
    "Partition",
    "Pause",
    "Pruned",
    "ReaderState",
    "Reconciled",
    "RefusedEvent",
    "ReplayReport",
    "Replayed",
    "RoleDatabase",
    "Selection",
    "Session",
    "Touched",
    "Transition",
    "Trend",
    "User",
    "VoidCause",
    "WorkerState",
]
