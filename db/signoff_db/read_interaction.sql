SELECT id, user_id, review_status, reviewer_id, final_bubbles, edit_tags, quality_score, reviewer_notes,
    cta_data, customer_status, ltv_usd, review_completed_at, created_at, updated_at,
    opening_customer_status, opening_ltv_usd
FROM interactions
WHERE id = %(interaction_id)s
