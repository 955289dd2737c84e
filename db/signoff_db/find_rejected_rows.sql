-- Those of `events` (json: array of canonical events) whose ledger row Postgres refuses, and why.
SELECT event_id, sqlstate, message, nullif(hint, ''), nullif(constraint_name, '')
FROM signoff_find_rejected_rows(%(events)s::json)
