-- Exposures name what they have in common with many others (month, tags, status, reviewer, CTA) by one number. The counts
-- of millions of exposures then are one reading of a narrow table, in groups by that number.
-- The exposures are computed anew after this migration: `signoff insight run` does that by itself, and shows the other
-- facts meanwhile. To convert millions of rows here would hold up who waits for this transaction.
CREATE TABLE exposure_cells (
    cell integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    month date NOT NULL,
    tags integer NOT NULL,
    customer_status signoff_status NOT NULL,
    is_first boolean NOT NULL,
    reviewer_id text COLLATE "C",
    cta text COLLATE "C"
);

COMMENT ON TABLE exposure_cells IS
    'What exposures showed, when and in which status: each combination that there was, by which customer_exposures names '
    'it. A combination may stand here twice, or have no exposure any more';
COMMENT ON COLUMN exposure_cells.month IS 'The first day of the month of exposed_at';
COMMENT ON COLUMN exposure_cells.tags IS 'The tags that are new in this status, as in customer_facts.first_tags';
COMMENT ON COLUMN exposure_cells.customer_status IS 'The customer''s status after the approval';
COMMENT ON COLUMN exposure_cells.is_first IS 'Whether it is the first approval in this status';
COMMENT ON COLUMN exposure_cells.reviewer_id IS 'Null if this reviewer approved in this status before';
COMMENT ON COLUMN exposure_cells.cta IS 'Null if there is none, or the customer saw it in this status before';

-- Not unique: two transactions that add the same combination would wait for each other.
CREATE INDEX exposure_cells_combinations ON exposure_cells
    (month, tags, customer_status, is_first, coalesce(reviewer_id, ''), coalesce(cta, ''));

-- A new table, since a column that is dropped still takes room in rows that are added. Whoever owns the one of before owns
-- it; whoever has rights on that has them on it, and may look up and add combinations if it may do so with exposures.
DO $$
DECLARE
    granted aclitem[];
    owner oid;
    held record;
BEGIN
    SELECT relacl, relowner INTO granted, owner FROM pg_class WHERE oid = 'customer_exposures'::regclass;
    DROP TABLE customer_exposures;
    CREATE TABLE customer_exposures (
        customer bigint NOT NULL,
        exposed_at timestamptz NOT NULL,
        place integer NOT NULL,
        cell integer NOT NULL,
        converted_after integer,
        first_tags integer NOT NULL,
        PRIMARY KEY (customer, place)
    )
    WITH (fillfactor = 90);
    EXECUTE format('ALTER TABLE customer_exposures OWNER TO %s', owner::regrole);
    EXECUTE format('ALTER TABLE exposure_cells OWNER TO %s', owner::regrole);
    FOR held IN
        SELECT privilege_type, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END AS grantable,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS role
        FROM aclexplode(granted)
        WHERE grantee <> owner
    LOOP
        EXECUTE format('GRANT %s ON customer_exposures TO %s%s', held.privilege_type, held.role, held.grantable);
        IF held.privilege_type IN ('SELECT', 'INSERT') THEN
            EXECUTE format('GRANT %s ON exposure_cells TO %s%s', held.privilege_type, held.role, held.grantable);
        END IF;
    END LOOP;
END
$$;

COMMENT ON TABLE customer_exposures IS
    'The approvals that showed a customer, who was not CUSTOMER, something new: the first approval in a status, and '
    'in that status the first with a tag, a reviewer or a CTA';
COMMENT ON COLUMN customer_exposures.cell IS 'What it showed, when and in which status: a row of exposure_cells';
COMMENT ON COLUMN customer_exposures.converted_after IS
    'Days, rounded up, until a later event made the customer CUSTOMER; null if none did';
COMMENT ON COLUMN customer_exposures.first_tags IS 'As customer_facts.first_tags of its customer';

-- Reports say that they are not whole until the rebuild is done.
UPDATE insight_state SET rebuilt_at = NULL, rebuilt_upto = NULL, customers_rebuilt = 0;
