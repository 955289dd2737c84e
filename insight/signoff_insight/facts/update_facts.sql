-- Write the facts of `customer` (bigint[]): the values of each column are an array. Each row is looked up by the index.
UPDATE customer_facts f SET
    customer_status = n.customer_status, ltv_usd = n.ltv_usd, first_event_at = n.first_event_at,
    last_event_at = n.last_event_at, approvals = n.approvals, first_status_at = n.first_status_at,
    first_approval_at = n.first_approval_at, first_reviewer_id = n.first_reviewer_id, first_tags = n.first_tags,
    first_cta = n.first_cta, prospect_at = n.prospect_at, qualified_at = n.qualified_at, customer_at = n.customer_at,
    churned_at = n.churned_at, lost_as_prospect_at = n.lost_as_prospect_at, lost_as_lead_at = n.lost_as_lead_at,
    first_purchase_on = n.first_purchase_on, last_purchase_on = n.last_purchase_on, purchase_days = n.purchase_days,
    purchases = n.purchases, spent_usd = n.spent_usd
FROM (
    SELECT new.*, old.row
    FROM unnest(
        %(customer)s::bigint[], %(customer_status)s::signoff_status[], %(ltv_usd)s::numeric[],
        %(first_event_at)s::timestamptz[], %(last_event_at)s::timestamptz[], %(approvals)s::integer[],
        %(first_status_at)s::timestamptz[], %(first_approval_at)s::timestamptz[], %(first_reviewer_id)s::text[],
        %(first_tags)s::integer[], %(first_cta)s::text[], %(prospect_at)s::timestamptz[],
        %(qualified_at)s::timestamptz[], %(customer_at)s::timestamptz[], %(churned_at)s::timestamptz[],
        %(lost_as_prospect_at)s::timestamptz[], %(lost_as_lead_at)s::timestamptz[], %(first_purchase_on)s::date[],
        %(last_purchase_on)s::date[], %(purchase_days)s::integer[], %(purchases)s::integer[],
        %(spent_usd)s::numeric[]
    ) AS new(
        customer, customer_status, ltv_usd, first_event_at, last_event_at, approvals, first_status_at,
        first_approval_at, first_reviewer_id, first_tags, first_cta, prospect_at, qualified_at, customer_at,
        churned_at, lost_as_prospect_at, lost_as_lead_at, first_purchase_on, last_purchase_on, purchase_days,
        purchases, spent_usd
    )
    CROSS JOIN LATERAL (SELECT ctid AS row FROM customer_facts WHERE customer = new.customer OFFSET 0) AS old
) AS n
WHERE f.ctid = n.row
