-- Note which proposals were approved, with their events: `made` is a JSON array of objects.
UPDATE transition_proposals p SET
    state = 'approved', snoozed_until = NULL, decided_by = %(actor)s, decided_at = %(decided_at)s,
    comment = %(comment)s, is_automatic = %(is_automatic)s, event_id = made.event_id, event = made.event
FROM json_to_recordset(%(made)s::json) AS made (id uuid, event_id uuid, event text)
WHERE p.id = made.id
