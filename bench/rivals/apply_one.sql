-- One event, as a competent user would write it by hand for a queue that hands over one at a time: one
-- statement, one round trip, one commit. Events are folded as they arrive: one that arrives out of order
-- ends in another state than Signoff's.
WITH ledgered AS (
    INSERT INTO approvals (
        event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id, final_bubbles,
        edit_tags, quality_score, reviewer_notes, cta_data, customer_status, ltv_amount, content_hash)
    VALUES (
        %(event_id)s, %(schema_version)s, %(occurred_at)s, %(interaction_id)s, %(user_id)s,
        %(reviewer_id)s, %(final_bubbles)s, %(edit_tags)s, %(quality_score)s, %(reviewer_notes)s,
        %(cta_data)s, %(customer_status)s, %(ltv_amount)s, %(content_hash)s)
    ON CONFLICT (event_id) DO NOTHING
    RETURNING *
),
reviewed AS (
    INSERT INTO interactions AS i (
        id, user_id, review_status, reviewer_id, final_bubbles, edit_tags, quality_score,
        reviewer_notes, cta_data, customer_status, ltv_usd, review_completed_at, last_event_id,
        status_occurred_at, status_event_id, opening_customer_status, opening_ltv_usd)
    SELECT interaction_id, user_id, 'approved', reviewer_id, final_bubbles, edit_tags, quality_score,
        reviewer_notes, cta_data, coalesce(customer_status, 'PROSPECT'), coalesce(ltv_amount, 0),
        occurred_at, event_id,
        CASE WHEN customer_status IS NOT NULL THEN occurred_at END,
        CASE WHEN customer_status IS NOT NULL THEN event_id END, 'PROSPECT', 0
    FROM ledgered
    ON CONFLICT (id) DO UPDATE SET
        reviewer_id = coalesce(excluded.reviewer_id, i.reviewer_id),
        final_bubbles = excluded.final_bubbles,
        edit_tags = excluded.edit_tags,
        quality_score = excluded.quality_score,
        reviewer_notes = coalesce(excluded.reviewer_notes, i.reviewer_notes),
        cta_data = coalesce(excluded.cta_data, i.cta_data),
        customer_status = coalesce(%(customer_status)s, i.customer_status),
        ltv_usd = CASE
            WHEN %(ltv_amount)s::numeric IS NULL THEN i.ltv_usd
            WHEN coalesce(%(customer_status)s, i.customer_status) = 'CUSTOMER'
                THEN i.ltv_usd + %(ltv_amount)s::numeric
            ELSE %(ltv_amount)s::numeric END,
        review_completed_at = excluded.review_completed_at,
        last_event_id = excluded.last_event_id,
        status_occurred_at = coalesce(excluded.status_occurred_at, i.status_occurred_at),
        status_event_id = coalesce(excluded.status_event_id, i.status_event_id),
        updated_at = now()
    RETURNING i.user_id, i.customer_status, i.status_occurred_at, i.status_event_id,
        new.ltv_usd - coalesce(old.ltv_usd, 0) AS ltv_difference
)
INSERT INTO customers AS c (user_id, customer_status, ltv_usd, status_occurred_at, status_event_id)
SELECT user_id, customer_status, ltv_difference, status_occurred_at, status_event_id FROM reviewed
ON CONFLICT (user_id) DO UPDATE SET
    customer_status = excluded.customer_status,
    ltv_usd = c.ltv_usd + excluded.ltv_usd,
    status_occurred_at = excluded.status_occurred_at,
    status_event_id = excluded.status_event_id,
    updated_at = now()
