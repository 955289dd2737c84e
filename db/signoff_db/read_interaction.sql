-- One interaction. An adopted table may hold texts of any size: of each text only the first characters come, of a list
-- the first elements, and of large JSON only its size.
SELECT id,
    CASE WHEN length(user_id) > %(characters)s THEN left(user_id, %(characters)s) || '…' ELSE user_id END AS user_id,
    CASE WHEN length(review_status) > %(characters)s THEN left(review_status, %(characters)s) || '…'
        ELSE review_status END AS review_status,
    CASE WHEN length(reviewer_id) > %(characters)s THEN left(reviewer_id, %(characters)s) || '…'
        ELSE reviewer_id END AS reviewer_id,
    CASE WHEN final_bubbles IS NOT NULL THEN ARRAY(
        SELECT CASE WHEN length(bubble) > %(characters)s THEN left(bubble, %(characters)s) || '…' ELSE bubble END
        FROM unnest(final_bubbles[:%(elements)s]) WITH ORDINALITY AS listed (bubble, place) ORDER BY place
    ) END AS final_bubbles,
    CASE WHEN edit_tags IS NOT NULL THEN ARRAY(
        SELECT CASE WHEN length(tag) > %(characters)s THEN left(tag, %(characters)s) || '…' ELSE tag END
        FROM unnest(edit_tags[:%(elements)s]) WITH ORDINALITY AS listed (tag, place) ORDER BY place
    ) END AS edit_tags,
    quality_score,
    CASE WHEN length(reviewer_notes) > %(characters)s THEN left(reviewer_notes, %(characters)s) || '…'
        ELSE reviewer_notes END AS reviewer_notes,
    CASE WHEN octet_length(cta_data::text) > %(bytes)s
        THEN to_jsonb(format('not shown: it takes %%s bytes', octet_length(cta_data::text)))
        ELSE cta_data END AS cta_data,
    customer_status, ltv_usd, review_completed_at, created_at, updated_at,
    opening_customer_status, opening_ltv_usd
FROM interactions
WHERE id = %(interaction_id)s
