-- Change tracking: one set of triggers notes for all readers which customers changed without an event.

-- Whether changes are noted for a reader: 0 no, 1 from now on, 2 all of them: the transactions that wrote before have
-- ended. They are sequences, since these have the same value in each snapshot: a transaction whose snapshot is older
-- notes its changes all the same.
CREATE SEQUENCE insight_tracking MINVALUE 0 MAXVALUE 2 START 0;
CREATE SEQUENCE rapport_tracking MINVALUE 0 MAXVALUE 2 START 0;

COMMENT ON SEQUENCE insight_tracking IS
    'Whether changes of customers without an event are noted for the reader insight: 0 no, 1 from now on, 2 all';
COMMENT ON SEQUENCE rapport_tracking IS
    'Whether changes of customers without an event are noted for the reader rapport: 0 no, 1 from now on, 2 all';

GRANT SELECT ON insight_tracking, rapport_tracking TO PUBLIC;

-- Whoever may delete what was noted for a reader runs that reader.
DO $$
DECLARE
    held record;
BEGIN
    FOR held IN
        SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS role
        FROM pg_class, aclexplode(relacl)
        WHERE oid = 'touched_customers'::regclass AND privilege_type = 'DELETE' AND grantee <> relowner
    LOOP
        EXECUTE format('GRANT UPDATE ON insight_tracking, rapport_tracking TO %s', held.role);
    END LOOP;
END
$$;

SELECT setval('rapport_tracking', CASE touched_upto WHEN 9223372036854775807 THEN 1 ELSE 2 END)
FROM feed_readers WHERE name = 'rapport' AND touched_upto IS NOT NULL;

-- What upstreams changed until now was not noted: the facts are computed anew by themselves.
DELETE FROM insight_state;
DELETE FROM touched_customers WHERE reader = 'insight';

UPDATE feed_readers SET touched_upto = 0 WHERE touched_upto = 9223372036854775807;
COMMENT ON COLUMN feed_readers.touched_upto IS 'The last row of touched_customers that the reader is done with';

ALTER TABLE touched_customers ALTER COLUMN user_id DROP NOT NULL;
COMMENT ON COLUMN touched_customers.user_id IS 'Null: all customers may have changed';
CREATE INDEX touched_customers_all ON touched_customers (reader) WHERE user_id IS NULL;

-- For which readers changes of a table are noted.
CREATE FUNCTION signoff_tracking_readers(changed text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT 'insight' FROM insight_tracking WHERE last_value > 0 AND changed = 'interactions'
    UNION ALL
    SELECT 'rapport' FROM rapport_tracking WHERE last_value > 0
$$;

-- Note for the readers that a change of a table changed something of these customers.
CREATE FUNCTION signoff_touch_customers(changed text, user_ids text[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO touched_customers (reader, user_id)
    SELECT tracking.reader, touched.user_id
    FROM signoff_tracking_readers(changed) AS tracking (reader)
    CROSS JOIN (SELECT DISTINCT user_id FROM unnest(user_ids) AS given (user_id) WHERE user_id IS NOT NULL) AS touched
$$;

CREATE OR REPLACE FUNCTION signoff_touch_all_customers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO touched_customers (reader) SELECT signoff_tracking_readers(TG_TABLE_NAME);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION signoff_touch_reviewed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM signoff_touch_customers(TG_TABLE_NAME, ARRAY[OLD.user_id, NEW.user_id]);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION signoff_touch_proposed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM signoff_touch_customers(TG_TABLE_NAME, ARRAY[NEW.user_id]);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION signoff_touch_owners() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM signoff_tracking_readers(TG_TABLE_NAME)) THEN
        PERFORM signoff_touch_customers(TG_TABLE_NAME, ARRAY(SELECT DISTINCT user_id::text FROM changed));
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION signoff_touch_old_and_new_owners() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM signoff_tracking_readers(TG_TABLE_NAME)) THEN
        PERFORM signoff_touch_customers(TG_TABLE_NAME, ARRAY(
            SELECT user_id::text FROM before UNION SELECT user_id::text FROM after));
    END IF;
    RETURN NULL;
END
$$;

DROP TRIGGER interactions_touch_facts_of_owners ON interactions;
DROP TRIGGER interactions_touch_facts_of_deleted ON interactions;
DROP TRIGGER interactions_touch_all_facts ON interactions;
DROP FUNCTION signoff_touch_facts();
DROP FUNCTION signoff_touch_all_facts();
DROP FUNCTION signoff_touch_customers(text[]);
DROP FUNCTION signoff_is_touch_wanted();

-- For a reader that is not run any more nothing is noted.
CREATE FUNCTION signoff_forget_reader(name text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM setval(format('%I', signoff_forget_reader.name || '_tracking'), 0)
    WHERE signoff_forget_reader.name IN ('insight', 'rapport');
    -- In the order in which a reader locks them.
    DELETE FROM feed_readers r WHERE r.name = signoff_forget_reader.name;
    DELETE FROM touched_customers WHERE reader = signoff_forget_reader.name;
END
$$;

-- Other systems may delete interactions that have events. If a worker's event makes such an interaction again, all of
-- its events count again (apply.sql). Workers look for them only where this is 1: that an interaction was deleted, or
-- got another id. It is a sequence too: whoever sees that the interaction is gone sees this.
CREATE SEQUENCE interactions_deleted MINVALUE 0 MAXVALUE 1 START 0;
GRANT SELECT ON interactions_deleted TO PUBLIC;

COMMENT ON SEQUENCE interactions_deleted IS 'Whether an interaction with events was ever deleted: 0 no, 1 yes';

CREATE FUNCTION signoff_note_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF (SELECT last_value FROM interactions_deleted) = 0 THEN
        PERFORM setval('interactions_deleted', 1);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER interactions_note_deleted AFTER DELETE ON interactions
    FOR EACH ROW WHEN (OLD.last_event_id IS NOT NULL) EXECUTE FUNCTION signoff_note_deleted();
CREATE TRIGGER interactions_note_renamed AFTER UPDATE OF id ON interactions
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id) EXECUTE FUNCTION signoff_note_deleted();
CREATE TRIGGER interactions_note_truncated AFTER TRUNCATE ON interactions
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_note_deleted();

SELECT setval('interactions_deleted', 1)
WHERE EXISTS (
    SELECT FROM approvals a
    WHERE a.interaction_id IS NOT NULL AND NOT EXISTS (SELECT FROM interactions i WHERE i.id = a.interaction_id));

-- A worker's event may bring older ones to its customer: of an interaction that another system had deleted and the
-- event makes again, or that had no owner. Then it is not enough to add the event to what is kept of the customer.
ALTER TABLE customers ADD COLUMN gained_events boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN customers.gained_events IS
    'Whether an event brought older ones to the customer, of an interaction that was deleted or had no owner';

-- They run with the rights of whoever migrated; see 0010.definer_rights.sql.
DO $$
DECLARE
    function regprocedure;
BEGIN
    FOREACH function IN ARRAY ARRAY['signoff_touch_all_customers()', 'signoff_touch_reviewed()',
        'signoff_touch_proposed()', 'signoff_touch_owners()', 'signoff_touch_old_and_new_owners()',
        'signoff_note_deleted()']::regprocedure[]
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', function);
        EXECUTE format('ALTER FUNCTION %s SET search_path TO %I, pg_temp', function, current_schema());
    END LOOP;
END
$$;
