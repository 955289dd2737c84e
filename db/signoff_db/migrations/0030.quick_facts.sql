-- What lets views of millions of customers answer in a second, and new events be added to facts without all others.
-- The facts are computed anew after this migration: `signoff insight run` does that by itself.
TRUNCATE customer_facts, customer_purchases, customer_spells, customer_exposures;
DELETE FROM insight_state;

ALTER TABLE customer_facts
    ADD COLUMN first_status_at timestamptz,
    ADD COLUMN prospect_days integer GENERATED ALWAYS AS (
        ceil(date_part('epoch', coalesce(lost_as_prospect_at, qualified_at) - prospect_at) / 86400)) STORED,
    ADD COLUMN lead_days integer GENERATED ALWAYS AS (
        ceil(date_part('epoch', coalesce(lost_as_lead_at, customer_at) - qualified_at) / 86400)) STORED,
    ADD COLUMN customer_days integer GENERATED ALWAYS AS (
        ceil(date_part('epoch', churned_at - customer_at) / 86400)) STORED;

COMMENT ON COLUMN customer_facts.first_status_at IS 'When an event first gave a status; null if none did';
COMMENT ON COLUMN customer_facts.prospect_days IS
    'Days, rounded up, from prospect_at until it was qualified, or lost before; null as long as it is neither';
COMMENT ON COLUMN customer_facts.lead_days IS
    'Days, rounded up, from qualified_at until it became a customer, or was lost before; null as long as it is neither';
COMMENT ON COLUMN customer_facts.customer_days IS 'Days, rounded up, from customer_at until churned_at';

ALTER TABLE customer_spells
    ADD COLUMN seconds double precision GENERATED ALWAYS AS (date_part('epoch', ended_at - began_at)) STORED;

COMMENT ON COLUMN customer_spells.seconds IS 'How long it lasted; null if it goes on, or another system gave the status';

-- Views count exposures by what they showed, month, status, and so on. These indexes hold all that, each combination
-- once with its rows, so they are small, and hold the rows of a group together.
ALTER TABLE customer_exposures
    ADD COLUMN month date NOT NULL,
    ADD COLUMN first_tags integer NOT NULL,
    ALTER COLUMN reviewer_id TYPE text COLLATE "C",
    ALTER COLUMN cta TYPE text COLLATE "C";

COMMENT ON COLUMN customer_exposures.month IS 'The first day of the month of exposed_at';
COMMENT ON COLUMN customer_exposures.first_tags IS 'As customer_facts.first_tags of its customer';

CREATE INDEX customer_exposures_by_tags ON customer_exposures
    (tags, month, customer_status, is_first, converted_after, first_tags);
CREATE INDEX customer_exposures_by_reviewer ON customer_exposures
    (reviewer_id, month, customer_status, is_first, converted_after, first_tags) WHERE reviewer_id IS NOT NULL;
CREATE INDEX customer_exposures_by_cta ON customer_exposures
    (cta, month, customer_status, is_first, converted_after, first_tags) WHERE cta IS NOT NULL;

-- Other systems may give interactions another owner, or delete them. Then the facts of these customers are computed
-- anew, from what the ledger holds of them now. Workers do neither.
CREATE FUNCTION signoff_touch_facts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO touched_customers (reader, user_id)
    SELECT 'insight', owner.user_id
    FROM (VALUES (OLD.user_id::text), (CASE TG_OP WHEN 'UPDATE' THEN NEW.user_id::text END)) AS owner(user_id)
    WHERE owner.user_id IS NOT NULL AND EXISTS (SELECT FROM feed_readers WHERE name = 'insight');
    RETURN NULL;
END
$$;

CREATE FUNCTION signoff_touch_all_facts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM insight_state;
    RETURN NULL;
END
$$;

CREATE TRIGGER interactions_touch_facts_of_owners AFTER UPDATE OF user_id ON interactions
    FOR EACH ROW WHEN (OLD.user_id IS DISTINCT FROM NEW.user_id) EXECUTE FUNCTION signoff_touch_facts();
CREATE TRIGGER interactions_touch_facts_of_deleted AFTER DELETE ON interactions
    FOR EACH ROW EXECUTE FUNCTION signoff_touch_facts();
CREATE TRIGGER interactions_touch_all_facts AFTER TRUNCATE ON interactions
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_touch_all_facts();

-- They run with the rights of whoever migrated; see 0010.definer_rights.sql.
DO $$
DECLARE
    function regprocedure;
BEGIN
    FOREACH function IN ARRAY ARRAY['signoff_touch_facts()', 'signoff_touch_all_facts()']::regprocedure[] LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', function);
        EXECUTE format('ALTER FUNCTION %s SET search_path TO %I, pg_temp', function, current_schema());
    END LOOP;
END
$$;

-- The edit tags of approved reviews, which stand in their events as JSON.
CREATE FUNCTION signoff_tag_bits_of_event(event text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT signoff_tag_bits(ARRAY(SELECT jsonb_array_elements_text(event::jsonb -> 'edit_tags')))
$$;

ALTER TABLE review_decisions
    ADD COLUMN edit_tags integer GENERATED ALWAYS AS (signoff_tag_bits_of_event(event)) STORED;

COMMENT ON COLUMN review_decisions.edit_tags IS 'The edit tags of `event`, as bits: see signoff_tag_bits';

CREATE INDEX review_decisions_edits ON review_decisions (decided_at) INCLUDE (edit_tags)
    WHERE decision = 'approved' AND undone_at IS NULL;

-- As before, for the columns that are stored: generated ones have no value yet when a trigger sees a new row.
CREATE OR REPLACE FUNCTION signoff_only_undone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.undone_at IS NOT NULL OR NEW.undone_at IS NULL
        OR to_jsonb(NEW) - '{undone_at,edit_tags}'::text[] <> to_jsonb(OLD) - '{undone_at,edit_tags}'::text[]
    THEN
        RAISE EXCEPTION '% is insert-only but for undone_at: % refused', TG_TABLE_NAME, TG_OP;
    END IF;
    RETURN NEW;
END
$$;
