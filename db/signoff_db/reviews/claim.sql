-- Give a review to a reviewer, if nobody else holds it. Opening it again while it is held changes nothing but the
-- lease. No row if somebody else holds it, or if it is not pending.
UPDATE reviews r SET
    claimed_by = %(reviewer)s,
    claimed_until = CASE WHEN r.claimed_by = %(reviewer)s
        THEN greatest(r.claimed_until, clock_timestamp() + %(lease)s * interval '1 second')
        ELSE clock_timestamp() + %(lease)s * interval '1 second' END,
    opened_at = CASE WHEN r.claimed_by = %(reviewer)s AND r.claimed_until > clock_timestamp()
        THEN coalesce(r.opened_at, CASE WHEN %(opened)s THEN clock_timestamp() END)
        WHEN %(opened)s THEN clock_timestamp() END
WHERE r.interaction_id = %(interaction_id)s AND r.state = 'pending'
    AND (r.claimed_by IS NULL OR r.claimed_by = %(reviewer)s OR r.claimed_until <= clock_timestamp())
RETURNING {review_columns}
