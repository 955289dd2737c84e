-- The folded LTV of those in `matched`, as of `at`. An interaction without an event holds what it was adopted with.
worth AS (
    SELECT m.user_id, sum(coalesce((f.balance).ltv_usd, i.opening_ltv_usd, i.ltv_usd)) AS ltv_usd
    FROM (SELECT DISTINCT user_id FROM matched) AS m
    JOIN interactions i ON i.user_id = m.user_id COLLATE "default"
    LEFT JOIN (
        SELECT e.interaction_id,
            signoff_fold(
                signoff_known_status(held.opening_customer_status), coalesce(held.opening_ltv_usd, 0),
                e.gave, e.ltv_amount ORDER BY e.occurred_at, e.event_id) AS balance
        FROM events e
        JOIN interactions held ON held.id = e.interaction_id
        WHERE e.user_id IN (SELECT user_id FROM matched)
        GROUP BY e.interaction_id
    ) AS f ON f.interaction_id = i.id
    GROUP BY m.user_id
)
