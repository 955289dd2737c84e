"""How the server is to run statements of facts: settings of a transaction."""

from typing import Final

_ANY: Final = (
    # Instants are texts of one form. Statements run for too short a time to be compiled, or read
    # what would take no less time. The commit need not wait for the disk: if the server crashes,
    # the last facts are lost together with the position that they follow, and are computed again.
    "set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO', true),"
    " set_config('work_mem', '64MB', true), set_config('jit', 'off', true),"
    " set_config('synchronous_commit', 'off', true)"
)
BY_INDEX: Final = (
    # The rows of some customers are looked up one by one, however large the planner believes that
    # the tables are. So each statement has one plan, which is made once.
    f"SELECT {_ANY}, set_config('enable_seqscan', 'off', true),"
    " set_config('plan_cache_mode', 'force_generic_plan', true)"
)
IN_BULK: Final = (
    # The rows of many customers are read in the way that the planner finds best, and all of them.
    f"SELECT {_ANY}, set_config('enable_seqscan', 'on', true),"
    " set_config('cursor_tuple_fraction', '1', true)"
)
