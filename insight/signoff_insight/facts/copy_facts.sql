COPY customer_facts (user_id, customer_status, ltv_usd, first_event_at, last_event_at, approvals, first_status_at,
    first_approval_at, first_reviewer_id, first_tags, first_cta, prospect_at, qualified_at, customer_at, churned_at,
    lost_as_prospect_at, lost_as_lead_at, first_purchase_on, last_purchase_on, purchase_days, purchases, spent_usd)
FROM STDIN
