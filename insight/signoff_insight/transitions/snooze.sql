-- Put open proposals (`ids`, uuid[]) off until a time; null shows those that are snoozed again at once. That is noted as
-- a time, too: who looked at what waited before does not approve them unseen (next_open.sql).
UPDATE transition_proposals SET snoozed_until = coalesce(%(until)s::timestamptz, clock_timestamp())
WHERE id = ANY (%(ids)s) AND state = 'open'
    AND (%(until)s::timestamptz IS NOT NULL OR snoozed_until > statement_timestamp())
RETURNING id, rule
