-- Exposures name their reviewer by a number of its own. Two numbers have some thousand values each; the one of before had
-- some ten thousand, whose counts leave the processor's cache.
-- The exposures are computed anew after this migration, as after 0039.
TRUNCATE exposure_cells RESTART IDENTITY;
-- This drops the index, too.
ALTER TABLE exposure_cells DROP COLUMN reviewer_id;

COMMENT ON TABLE exposure_cells IS
    'What exposures showed, when and in which status: each combination that there was, by which customer_exposures names '
    'it; the reviewer stands in exposure_reviewers. A combination may stand here twice, or have no exposure any more';

-- Not unique: two transactions that add the same combination would wait for each other.
CREATE INDEX exposure_cells_combinations ON exposure_cells
    (month, tags, customer_status, is_first, coalesce(cta, ''));

CREATE TABLE exposure_reviewers (
    reviewer_cell integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    month date NOT NULL,
    customer_status signoff_status NOT NULL,
    is_first boolean NOT NULL,
    reviewer_id text COLLATE "C"
);

COMMENT ON TABLE exposure_reviewers IS
    'Whose approvals exposures were, when and in which status: each combination that there was, by which '
    'customer_exposures names it. A combination may stand here twice, or have no exposure any more';
COMMENT ON COLUMN exposure_reviewers.month IS 'As in exposure_cells';
COMMENT ON COLUMN exposure_reviewers.customer_status IS 'As in exposure_cells';
COMMENT ON COLUMN exposure_reviewers.is_first IS 'As in exposure_cells';
COMMENT ON COLUMN exposure_reviewers.reviewer_id IS 'Null if this reviewer approved in this status before';

CREATE INDEX exposure_reviewers_combinations ON exposure_reviewers
    (month, customer_status, is_first, coalesce(reviewer_id, ''));

-- A new table, since a column that is added would stand behind the nullable one. Whoever owns the one of before owns it;
-- whoever has rights on that has them on it, and may look up and add combinations if it may do so with exposures.
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
        reviewer_cell integer NOT NULL,
        converted_after integer,
        first_tags integer NOT NULL,
        PRIMARY KEY (customer, place)
    )
    WITH (fillfactor = 90);
    EXECUTE format('ALTER TABLE customer_exposures OWNER TO %s', owner::regrole);
    EXECUTE format('ALTER TABLE exposure_reviewers OWNER TO %s', owner::regrole);
    FOR held IN
        SELECT privilege_type, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END AS grantable,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS role
        FROM aclexplode(granted)
        WHERE grantee <> owner
    LOOP
        EXECUTE format('GRANT %s ON customer_exposures TO %s%s', held.privilege_type, held.role, held.grantable);
        IF held.privilege_type IN ('SELECT', 'INSERT') THEN
            EXECUTE format('GRANT %s ON exposure_reviewers TO %s%s', held.privilege_type, held.role, held.grantable);
        END IF;
    END LOOP;
END
$$;

COMMENT ON TABLE customer_exposures IS
    'The approvals that showed a customer, who was not CUSTOMER, something new: the first approval in a status, and '
    'in that status the first with a tag, a reviewer or a CTA';
COMMENT ON COLUMN customer_exposures.cell IS 'What it showed, when and in which status: a row of exposure_cells';
COMMENT ON COLUMN customer_exposures.reviewer_cell IS
    'Whose approval it was, when and in which status: a row of exposure_reviewers';
COMMENT ON COLUMN customer_exposures.converted_after IS
    'Days, rounded up, until a later event made the customer CUSTOMER; null if none did';
COMMENT ON COLUMN customer_exposures.first_tags IS 'As customer_facts.first_tags of its customer';

-- Reports say that they are not whole until the rebuild is done.
UPDATE insight_state SET rebuilt_at = NULL, rebuilt_upto = NULL, customers_rebuilt = 0;
