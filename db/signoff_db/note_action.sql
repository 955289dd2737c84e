INSERT INTO operator_actions (actor, action, dead_letter_ids, reason, before, after, operation_id)
VALUES (%(actor)s, %(action)s, %(letters)s, %(reason)s, %(before)s::jsonb, %(after)s::jsonb,
    %(operation)s)
RETURNING id
