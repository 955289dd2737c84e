-- Nobody asks for the LTV.
worth AS (
    SELECT NULL COLLATE "C" AS user_id, NULL::numeric AS ltv_usd WHERE false
)
