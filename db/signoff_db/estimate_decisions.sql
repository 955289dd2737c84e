-- How many status decisions the planner thinks there are, by their table's size on disk and its last statistics.
EXPLAIN (FORMAT JSON) SELECT FROM status_decisions
