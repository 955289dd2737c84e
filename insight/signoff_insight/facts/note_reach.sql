-- Note when the latest event occurred that the facts hold.
UPDATE insight_state SET data_until = greatest(data_until, %(until)s::timestamptz)
WHERE data_until IS NULL OR data_until < %(until)s::timestamptz
