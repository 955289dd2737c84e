-- What views read of all customers comes first in a row: Postgres finds a column by going through those before it, and
-- quicker as long as these have a fixed size.
-- A new table, since the order of columns is that in which they were added. The rows are copied in the order of
-- customers, and the numbers go on. Whoever owns the table of before, or has rights on it, does so with this one.
-- What others write while the rows are copied would be lost.
LOCK TABLE customer_facts IN ACCESS EXCLUSIVE MODE;

CREATE TABLE ordered_facts (
    customer bigint NOT NULL,
    first_tags integer NOT NULL DEFAULT 0,
    customer_status signoff_status NOT NULL DEFAULT 'PROSPECT',
    first_event_at timestamptz,
    -- The funnel.
    prospect_at timestamptz,
    qualified_at timestamptz,
    customer_at timestamptz,
    lost_as_prospect_at timestamptz,
    lost_as_lead_at timestamptz,
    churned_at timestamptz,
    prospect_days integer GENERATED ALWAYS AS (
        ceil(date_part('epoch', coalesce(lost_as_prospect_at, qualified_at) - prospect_at) / 86400)) STORED,
    lead_days integer GENERATED ALWAYS AS (
        ceil(date_part('epoch', coalesce(lost_as_lead_at, customer_at) - qualified_at) / 86400)) STORED,
    customer_days integer GENERATED ALWAYS AS (
        ceil(date_part('epoch', churned_at - customer_at) / 86400)) STORED,
    -- Purchases.
    first_purchase_on date,
    last_purchase_on date,
    purchase_days integer NOT NULL DEFAULT 0,
    purchases integer NOT NULL DEFAULT 0,
    spent_usd numeric(14,2) NOT NULL DEFAULT 0,
    ltv_usd numeric(14,2) NOT NULL DEFAULT 0,
    first_reviewer_id text,
    user_id text NOT NULL,
    approvals integer NOT NULL DEFAULT 0,
    last_event_at timestamptz,
    first_status_at timestamptz,
    first_approval_at timestamptz,
    first_cta text
)
-- Room for the next version of a row on its own page: then no index changes.
WITH (fillfactor = 80);

INSERT INTO ordered_facts (customer, first_tags, customer_status, first_event_at, prospect_at, qualified_at, customer_at,
    lost_as_prospect_at, lost_as_lead_at, churned_at, first_purchase_on, last_purchase_on, purchase_days, purchases,
    spent_usd, ltv_usd, first_reviewer_id, user_id, approvals, last_event_at, first_status_at, first_approval_at,
    first_cta)
SELECT customer, first_tags, customer_status, first_event_at, prospect_at, qualified_at, customer_at,
    lost_as_prospect_at, lost_as_lead_at, churned_at, first_purchase_on, last_purchase_on, purchase_days, purchases,
    spent_usd, ltv_usd, first_reviewer_id, user_id, approvals, last_event_at, first_status_at, first_approval_at,
    first_cta
FROM customer_facts
ORDER BY customer;

DO $$
DECLARE
    owner oid;
    grants text[];
    held text;
BEGIN
    SELECT relowner INTO owner FROM pg_class WHERE oid = 'customer_facts'::regclass;
    grants := ARRAY(
        SELECT format('GRANT %s%s ON customer_facts TO %s%s', privilege_type, on_column,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END)
        FROM (
            SELECT NULL AS on_column, relacl AS acl FROM pg_class WHERE oid = 'customer_facts'::regclass
            UNION ALL
            SELECT format(' (%I)', attname), attacl FROM pg_attribute
            WHERE attrelid = 'customer_facts'::regclass AND NOT attisdropped
        ) AS granted, aclexplode(acl)
        WHERE grantee <> owner);
    DROP TABLE customer_facts;
    ALTER TABLE ordered_facts RENAME TO customer_facts;
    EXECUTE format('ALTER TABLE customer_facts OWNER TO %s', owner::regrole);
    FOREACH held IN ARRAY grants LOOP
        EXECUTE held;
    END LOOP;
END
$$;

ALTER TABLE customer_facts
    ADD PRIMARY KEY (user_id),
    ADD UNIQUE (customer),
    ALTER COLUMN customer ADD GENERATED ALWAYS AS IDENTITY,
    ALTER COLUMN prospect_at SET (n_distinct = 500);

SELECT setval(pg_get_serial_sequence('customer_facts', 'customer'), coalesce(max(customer), 0) + 1, false)
FROM customer_facts;

-- Views would be planned for a table that nobody knows. An empty one stays unknown: it will not stay empty.
DO $$
BEGIN
    IF EXISTS (SELECT FROM customer_facts) THEN
        ANALYZE customer_facts;
    END IF;
END
$$;

COMMENT ON TABLE customer_facts IS 'One row for each customer with an event, computed from the ledger';
COMMENT ON COLUMN customer_facts.customer IS 'The number by which the other tables of facts name the customer';
COMMENT ON COLUMN customer_facts.ltv_usd IS 'The folded LTV, as in customers';
COMMENT ON COLUMN customer_facts.first_status_at IS 'When an event first gave a status; null if none did';
COMMENT ON COLUMN customer_facts.first_tags IS
    'The edit tags of the first approval: bit n is the nth code of the taxonomy, from 0';
COMMENT ON COLUMN customer_facts.first_cta IS 'The label of the first approval''s cta_data, see signoff_cta_label';
COMMENT ON COLUMN customer_facts.prospect_at IS
    'When it became a prospect: its first event; null if another system knew it in a later status before';
COMMENT ON COLUMN customer_facts.qualified_at IS
    'When it first was LEAD_QUALIFIED or CUSTOMER; null without prospect_at';
COMMENT ON COLUMN customer_facts.customer_at IS
    'When it first was CUSTOMER; null if another system knew it as CUSTOMER, CHURNED or LEAD_EXHAUSTED before';
COMMENT ON COLUMN customer_facts.churned_at IS
    'When it first was CHURNED after customer_at; null without that';
COMMENT ON COLUMN customer_facts.lost_as_prospect_at IS
    'When it first was CHURNED or LEAD_EXHAUSTED, if that was before qualified_at; null without prospect_at';
COMMENT ON COLUMN customer_facts.lost_as_lead_at IS
    'When it first was CHURNED or LEAD_EXHAUSTED after qualified_at, if that was before customer_at';
COMMENT ON COLUMN customer_facts.prospect_days IS
    'Days, rounded up, from prospect_at until it was qualified, or lost before; null as long as it is neither';
COMMENT ON COLUMN customer_facts.lead_days IS
    'Days, rounded up, from qualified_at until it became a customer, or was lost before; null as long as it is neither';
COMMENT ON COLUMN customer_facts.customer_days IS 'Days, rounded up, from customer_at until churned_at';
COMMENT ON COLUMN customer_facts.spent_usd IS 'The sum of its purchases; the folded LTV may be another number';
