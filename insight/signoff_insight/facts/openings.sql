-- The status that each of `customers` (text[]) has until an event gives one: that of its newest interaction.
SELECT w.user_id, coalesce((
    SELECT signoff_status_of(signoff_status_number(coalesce(i.opening_customer_status, i.customer_status)))
    FROM interactions i
    WHERE i.user_id = w.user_id
    ORDER BY i.created_at DESC NULLS LAST, i.id DESC
    LIMIT 1), 'PROSPECT') AS opening
FROM unnest(%(customers)b::text[]) AS w(user_id)
