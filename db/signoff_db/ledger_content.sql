-- Every event of the ledger as it was published, and the hash that was noted when it was applied.
SELECT event_id, event_type, schema_version, occurred_at, interaction_id, user_id, reviewer_id, final_bubbles,
    edit_tags, quality_score, reviewer_notes, cta_data, customer_status, ltv_amount,
    decided_by, reason, evidence, rests_on, content_hash
FROM approvals
