-- Which customers changed without an event. A reader that keeps something of each customer follows the feed; besides
-- events, it depends on reviews, on proposals, and on rows of interactions that other systems write. These changes are
-- noted here for it, by the transactions that make them. The reader deletes a row when it has taken it into account.

-- A reader that wants to be told has a number here: the greatest id of touched_customers that it is done with. Its own
-- database has a number at least as great. A greater one here means that the reader's database was restored to an
-- earlier time; or that all customers may have changed. Then the reader computes all of them anew.
ALTER TABLE feed_readers ADD COLUMN touched_upto bigint;

COMMENT ON COLUMN feed_readers.touched_upto IS
    'The last row of touched_customers that the reader is done with; null: it is not told of touched customers';

-- A customer may have many rows: to update one row instead, transactions would have to wait for each other.
CREATE TABLE touched_customers (
    reader text NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    user_id text NOT NULL,
    PRIMARY KEY (reader, id)
)
-- Rows come and go, so what counts is how many are dead, not which share.
WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

COMMENT ON TABLE touched_customers IS
    'Customers that changed without an event, for each reader that is to compute them anew';

-- Note that something of these customers changed. Nothing is written where no reader wants it. It is for triggers, which
-- run with the rights of whoever migrated (SECURITY DEFINER): other roles have no right on these tables.
CREATE FUNCTION signoff_touch_customers(user_ids text[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO touched_customers (reader, user_id)
    SELECT r.name, touched.user_id
    FROM feed_readers r
    CROSS JOIN (SELECT DISTINCT user_id FROM unnest(user_ids) AS given (user_id) WHERE user_id IS NOT NULL) AS touched
    WHERE r.touched_upto IS NOT NULL
$$;

-- Whether a reader wants to know.
CREATE FUNCTION signoff_is_touch_wanted() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM feed_readers WHERE touched_upto IS NOT NULL)
$$;

CREATE FUNCTION signoff_touch_all_customers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- Greater than any number that a reader's own database has.
    UPDATE feed_readers SET touched_upto = 9223372036854775807 WHERE touched_upto IS NOT NULL;
    RETURN NULL;
END
$$;

-- Reviews. Claims and their renewals change nothing that readers keep.
CREATE FUNCTION signoff_touch_reviewed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM signoff_touch_customers(ARRAY[OLD.user_id, NEW.user_id]);
    RETURN NULL;
END
$$;

CREATE TRIGGER reviews_touch AFTER INSERT OR DELETE ON reviews
    FOR EACH ROW EXECUTE FUNCTION signoff_touch_reviewed();

-- Texts of JSON are compared: 1.0 and 1.00 are equal values, but readers keep them as they were written.
CREATE TRIGGER reviews_touch_updated
    AFTER UPDATE OF interaction_id, user_id, customer_message, context, received_at, state ON reviews
    FOR EACH ROW WHEN (
        (OLD.interaction_id, OLD.user_id, OLD.customer_message, OLD.context::text, OLD.received_at, OLD.state)
        IS DISTINCT FROM
        (NEW.interaction_id, NEW.user_id, NEW.customer_message, NEW.context::text, NEW.received_at, NEW.state))
    EXECUTE FUNCTION signoff_touch_reviewed();

CREATE TRIGGER reviews_touch_truncated AFTER TRUNCATE ON reviews
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_touch_all_customers();

-- Interactions. What workers change there follows from events, and these are in the feed. So on their connections
-- (signoff.batches) only what an upstream's own triggers change is noted; else this costs them nothing.
CREATE FUNCTION signoff_touch_owners() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF signoff_is_touch_wanted() THEN
        PERFORM signoff_touch_customers(ARRAY(SELECT DISTINCT user_id::text FROM changed));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION signoff_touch_old_and_new_owners() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF signoff_is_touch_wanted() THEN
        PERFORM signoff_touch_customers(ARRAY(
            SELECT user_id::text FROM before UNION SELECT user_id::text FROM after));
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER interactions_touch_inserted AFTER INSERT ON interactions
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT
    WHEN (current_setting('signoff.batches', true) IS DISTINCT FROM 'on' OR pg_trigger_depth() > 0)
    EXECUTE FUNCTION signoff_touch_owners();

CREATE TRIGGER interactions_touch_updated AFTER UPDATE ON interactions
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT
    WHEN (current_setting('signoff.batches', true) IS DISTINCT FROM 'on' OR pg_trigger_depth() > 0)
    EXECUTE FUNCTION signoff_touch_old_and_new_owners();

CREATE TRIGGER interactions_touch_deleted AFTER DELETE ON interactions
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_touch_owners();

CREATE TRIGGER interactions_touch_truncated AFTER TRUNCATE ON interactions
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_touch_all_customers();

-- An instant as JSON has it, in UTC; null where programs know no such day.
CREATE FUNCTION signoff_json_time(instant timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN instant >= '0001-01-01 00:00+00' AND instant < '10000-01-01 00:00+00'
        THEN to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END
$$;

-- They run with the rights of whoever migrated; see 0010.definer_rights.sql.
DO $$
DECLARE
    function regprocedure;
BEGIN
    FOREACH function IN ARRAY ARRAY['signoff_touch_all_customers()', 'signoff_touch_reviewed()',
        'signoff_touch_owners()', 'signoff_touch_old_and_new_owners()']::regprocedure[]
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', function);
        EXECUTE format('ALTER FUNCTION %s SET search_path TO %I, pg_temp', function, current_schema());
    END LOOP;
END
$$;
