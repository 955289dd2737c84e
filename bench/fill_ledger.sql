-- Fill the ledger with `size` events that are consistent with the tables: five for each interaction,
-- five interactions for each customer. Indexes are made at the end, which is faster.
ALTER TABLE approvals DROP CONSTRAINT approvals_pkey;
DROP INDEX approvals_of_interaction;
DROP INDEX approvals_in_feed_order;

CREATE TEMPORARY TABLE old AS
SELECT gen_random_uuid() AS id, 'old-customer-' || n / 5 AS user_id, gen_random_uuid() AS last_event_id
FROM generate_series(0, {size} / 5 - 1) AS n;

INSERT INTO approvals (event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id,
    final_bubbles, edit_tags, quality_score, customer_status, ltv_amount, content_hash)
SELECT CASE step WHEN 5 THEN last_event_id ELSE gen_random_uuid() END, 1,
    '2025-01-01Z'::timestamptz + step * interval '1 day', id, user_id, 'reviewer-1',
    ARRAY['thanks for your order!', 'that is number ' || step], ARRAY['CTA_SOFT'], 5, 'LEAD_QUALIFIED',
    5.00, '\x00112233445566778899aabbccddeeff'
FROM old, generate_series(1, 5) AS step;

INSERT INTO interactions (id, user_id, review_status, reviewer_id, final_bubbles, edit_tags,
    quality_score, customer_status, ltv_usd, review_completed_at, last_event_id, status_occurred_at,
    status_event_id, opening_customer_status, opening_ltv_usd)
SELECT id, user_id, 'approved', 'reviewer-1', ARRAY['thanks for your order!', 'that is number 5'],
    ARRAY['CTA_SOFT'], 5, 'LEAD_QUALIFIED', 5.00, '2025-01-06Z', last_event_id, '2025-01-06Z',
    last_event_id, 'PROSPECT', 0
FROM old;

INSERT INTO customers (user_id, customer_status, ltv_usd, status_occurred_at, status_event_id)
SELECT user_id, 'LEAD_QUALIFIED', 5.00 * count(*), '2025-01-06Z', (array_agg(last_event_id ORDER BY last_event_id DESC))[1]
FROM old
GROUP BY user_id;

DROP TABLE old;
ALTER TABLE approvals ADD PRIMARY KEY (event_id);
CREATE INDEX approvals_of_interaction ON approvals (interaction_id);
CREATE INDEX approvals_in_feed_order ON approvals (applied_in, event_id) WITH (deduplicate_items = off);
