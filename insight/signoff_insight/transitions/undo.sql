-- Note which proposals were undone, with their events: `made` is a JSON array of objects.
UPDATE transition_proposals p SET
    state = 'undone', undone_by = %(actor)s, undone_at = %(undone_at)s, undo_event_id = made.event_id,
    undo_event = made.event
FROM json_to_recordset(%(made)s::json) AS made (id uuid, event_id uuid, event text)
WHERE p.id = made.id
