-- How a customer moved through the funnel. If an interaction is given: only the moves that its events
-- caused, but computed over all events of the customer.
SELECT user_id, from_status, to_status, occurred_at, interaction_id, event_id, on_path
FROM status_transitions
WHERE (%(user_id)s::text IS NULL OR user_id = %(user_id)s)
    AND (%(interaction_id)s::uuid IS NULL OR interaction_id = %(interaction_id)s)
ORDER BY occurred_at, event_id
