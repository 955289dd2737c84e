-- The customer's last exchanges, the latest first: what the customer wrote, as far as a review holds it, and the
-- reply that was approved. Texts of an adopted table are cut: they may be of any length.
SELECT i.id AS interaction_id, left(r.customer_message, 4000) AS customer_message,
    ARRAY(SELECT left(bubble, 4000) FROM unnest(i.final_bubbles) WITH ORDINALITY AS b (bubble, position)
        WHERE position <= 20 ORDER BY position) AS final_bubbles,
    coalesce(i.edit_tags, '{}') AS edit_tags, i.quality_score, left(i.reviewer_id, 200) AS reviewer_id,
    CASE WHEN octet_length(i.cta_data::text) <= 16384 THEN i.cta_data END AS cta_data,
    i.customer_status, i.ltv_usd, i.review_completed_at
FROM (
    SELECT * FROM interactions
    WHERE user_id = %(user_id)s AND id <> %(interaction_id)s
    ORDER BY created_at DESC NULLS LAST
    LIMIT %(most)s
) AS i
LEFT JOIN reviews r ON r.interaction_id = i.id
WHERE i.review_completed_at IS NOT NULL OR i.final_bubbles IS NOT NULL
ORDER BY i.review_completed_at DESC NULLS LAST, i.created_at DESC NULLS LAST
