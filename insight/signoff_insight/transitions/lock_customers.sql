-- Lock customers (`users`, text[]) as workers do, in the same order. A statement of its own: the snapshot of the next one
-- holds all that workers committed before.
SELECT FROM customers WHERE user_id = ANY (%(users)s) ORDER BY user_id FOR NO KEY UPDATE
