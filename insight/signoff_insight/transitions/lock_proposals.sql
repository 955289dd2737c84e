-- Lock proposals (`ids`, uuid[]), always in the same order, so that two who decide do not deadlock.
SELECT user_id FROM transition_proposals WHERE id = ANY (%(ids)s) ORDER BY user_id, id FOR UPDATE
