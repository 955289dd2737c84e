-- The folded LTV of all customers; that of `at` where nothing happened since.
worth AS (
    SELECT user_id COLLATE "C" AS user_id, ltv_usd FROM customers
)
