-- Write what newer events changed of the facts of `customer` (bigint[]): the values of each column are an array. The rows
-- are where this transaction has seen them (`held_at`): so no index is read once more.
UPDATE customer_facts f SET
    customer_status = n.customer_status, ltv_usd = n.ltv_usd, last_event_at = n.last_event_at, approvals = n.approvals,
    qualified_at = n.qualified_at, customer_at = n.customer_at, churned_at = n.churned_at,
    lost_as_prospect_at = n.lost_as_prospect_at, lost_as_lead_at = n.lost_as_lead_at,
    first_purchase_on = n.first_purchase_on, last_purchase_on = n.last_purchase_on, purchase_days = n.purchase_days,
    purchases = n.purchases, spent_usd = n.spent_usd
FROM unnest(
    %(customer)s::bigint[], %(held_at)s::tid[], %(customer_status)s::signoff_status[], %(ltv_usd)s::numeric[],
    %(last_event_at)s::timestamptz[], %(approvals)s::integer[], %(qualified_at)s::timestamptz[],
    %(customer_at)s::timestamptz[], %(churned_at)s::timestamptz[], %(lost_as_prospect_at)s::timestamptz[],
    %(lost_as_lead_at)s::timestamptz[], %(first_purchase_on)s::date[], %(last_purchase_on)s::date[],
    %(purchase_days)s::integer[], %(purchases)s::integer[], %(spent_usd)s::numeric[]
) AS n(
    customer, held_at, customer_status, ltv_usd, last_event_at, approvals, qualified_at, customer_at, churned_at,
    lost_as_prospect_at, lost_as_lead_at, first_purchase_on, last_purchase_on, purchase_days, purchases, spent_usd
)
WHERE f.ctid = n.held_at AND f.customer = n.customer
