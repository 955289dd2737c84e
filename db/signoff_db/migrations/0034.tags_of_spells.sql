-- Views filter spells by the tags of their customer's first approval without reading the customer, and count them by
-- status and days: to group millions of rows by one number takes a quarter less than by two.
ALTER TABLE customer_spells
    ADD COLUMN first_tags integer NOT NULL DEFAULT 0,
    ADD COLUMN days_and_status integer GENERATED ALWAYS AS (
        coalesce(ceil(date_part('epoch', ended_at - began_at) / 86400)::integer, -1) * 8
        + CASE customer_status
            WHEN 'PROSPECT' THEN 1 WHEN 'LEAD_QUALIFIED' THEN 2 WHEN 'CUSTOMER' THEN 3 WHEN 'CHURNED' THEN 4 ELSE 5
        END) STORED;

UPDATE customer_spells s SET first_tags = f.first_tags
FROM customer_facts f
WHERE f.customer = s.customer AND f.first_tags <> 0;

COMMENT ON COLUMN customer_spells.first_tags IS 'As customer_facts.first_tags of its customer';
COMMENT ON COLUMN customer_spells.days_and_status IS
    'Eight times the days, rounded up, that it lasted (-1 where seconds is null), plus the number of its status, from 1';
