-- How many rows the planner thinks the ledger has, by its size on disk and its last statistics.
EXPLAIN (FORMAT JSON) SELECT FROM approvals
