-- The newest dead letter of each event.
SELECT DISTINCT ON (event_id) event_id, id, kind, message, state FROM dead_letters
WHERE event_id = ANY(%(events)s)
ORDER BY event_id, id DESC
