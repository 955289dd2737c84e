-- Reject open proposals (`ids`, uuid[]).
UPDATE transition_proposals SET
    state = 'rejected', snoozed_until = NULL, decided_by = %(actor)s, decided_at = clock_timestamp(),
    comment = %(reason)s
WHERE id = ANY (%(ids)s) AND state = 'open'
RETURNING id, rule
