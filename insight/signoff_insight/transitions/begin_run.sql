-- Note that the rules are run; returns the number of the run.
INSERT INTO transition_runs (at, started_at, started_by, data_until)
VALUES (%(at)s, %(started_at)s, %(started_by)s, %(data_until)s)
RETURNING id
