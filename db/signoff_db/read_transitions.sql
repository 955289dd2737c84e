-- How a customer moved through the funnel. Where an interaction is asked for, the moves that its events
-- made, seen among those of the whole customer.
SELECT user_id, from_status, to_status, occurred_at, interaction_id, event_id, on_path
FROM status_transitions
WHERE (%(user_id)s::text IS NULL OR user_id = %(user_id)s)
    AND (%(interaction_id)s::uuid IS NULL OR interaction_id = %(interaction_id)s)
ORDER BY occurred_at, event_id
