SELECT user_id, from_status, to_status, occurred_at, interaction_id, event_id, on_path, decided_by
FROM status_transitions WHERE user_id = %(user_id)s
ORDER BY occurred_at DESC, event_id DESC
LIMIT %(most)s
