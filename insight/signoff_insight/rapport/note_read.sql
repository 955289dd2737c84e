-- Note how far the reader has come, in the transaction of its effects. `read_until` is when this transaction began, if
-- it found no more.
UPDATE rapport_state SET caught_up = %(caught_up)s::boolean,
    read_until = CASE WHEN %(caught_up)s::boolean THEN now() ELSE read_until END,
    touched_upto = greatest(touched_upto, %(touched_upto)s::bigint)
