-- Put open proposals (`ids`, uuid[]) off until a time; null shows them again at once. That is noted as a time, too: who
-- looked at what waited before does not approve them unseen (next_open.sql).
UPDATE transition_proposals SET snoozed_until = CASE
    WHEN %(until)s::timestamptz IS NOT NULL THEN %(until)s::timestamptz
    WHEN snoozed_until > clock_timestamp() THEN clock_timestamp()
    ELSE snoozed_until END
WHERE id = ANY (%(ids)s) AND state = 'open'
RETURNING id, rule
