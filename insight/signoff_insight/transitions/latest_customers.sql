EXISTS (
    SELECT FROM customer_facts f
    WHERE f.user_id = i.user_id AND f.customer_status::text = ANY (%(statuses)s) AND f.last_event_at <= %(at)s)
