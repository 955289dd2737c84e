-- Undo the migrations. An adopted table interactions keeps the columns that it had, with their values. All
-- else in Signoff's schema is dropped. It fails if objects of others (a view, for example) depend on it.
DO $$
DECLARE
    home CONSTANT regnamespace := quote_ident(current_schema())::regnamespace;
    adopted CONSTANT boolean := (SELECT found_columns IS NOT NULL FROM installation);
    added CONSTANT name[] := ARRAY(
        SELECT unnest(ARRAY['user_id', 'review_status', 'reviewer_id', 'final_bubbles', 'edit_tags',
            'quality_score', 'reviewer_notes', 'cta_data', 'customer_status', 'ltv_usd',
            'review_completed_at', 'created_at', 'updated_at', 'last_event_id', 'status_occurred_at',
            'status_event_id', 'opening_customer_status', 'opening_ltv_usd'])
        EXCEPT
        SELECT unnest(found_columns)::text FROM installation);
    thing record;
    dropped integer := 1;
    refusal text;
BEGIN
    LOCK TABLE approvals IN ACCESS EXCLUSIVE MODE;
    LOCK TABLE interactions IN ACCESS EXCLUSIVE MODE;
    IF adopted THEN
        FOR thing IN
            SELECT tgname AS name FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid
            WHERE tgrelid = 'interactions'::regclass AND p.pronamespace = home
        LOOP
            EXECUTE format('DROP TRIGGER %I ON interactions', thing.name);
        END LOOP;
        DROP INDEX interactions_of_user;
        ALTER TABLE interactions
            DROP CONSTRAINT interactions_customer_status_known,
            DROP CONSTRAINT interactions_quality_score_range,
            DROP CONSTRAINT interactions_edit_tags_known,
            DROP CONSTRAINT IF EXISTS interactions_signoff_id;
    END IF;
    -- Each object is dropped once no other object of ours depends on it. An outbox is not ours.
    WHILE dropped > 0 LOOP
        dropped := 0;
        refusal := NULL;
        FOR thing IN
            SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
                oid::regclass::text AS name
            FROM pg_class c
            WHERE relnamespace = home AND relkind IN ('r', 'p', 'v', 'S') AND NOT relispartition
                AND relname <> 'signoff_outbox' AND NOT (adopted AND relname = 'interactions')
                -- A sequence of a column goes with its table.
                AND NOT (relkind = 'S' AND EXISTS (
                    SELECT FROM pg_depend
                    WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('a', 'i')))
            UNION ALL
            SELECT CASE prokind WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END, oid::regprocedure::text
            FROM pg_proc
            WHERE pronamespace = home AND proname <> 'signoff_outbox_notify'
            UNION ALL
            SELECT 'TYPE', reltype::regtype::text
            FROM pg_class
            WHERE relnamespace = home AND relkind = 'c'
            UNION ALL
            SELECT 'TYPE', oid::regtype::text
            FROM pg_type
            WHERE typnamespace = home AND typtype = 'e'
        LOOP
            BEGIN
                EXECUTE format('DROP %s %s', thing.kind, thing.name);
                dropped := dropped + 1;
            EXCEPTION WHEN dependent_objects_still_exist THEN
                GET STACKED DIAGNOSTICS refusal = PG_EXCEPTION_DETAIL;
            END;
        END LOOP;
    END LOOP;
    IF refusal IS NOT NULL THEN
        RAISE EXCEPTION 'others build on what is to be dropped: %', refusal
            USING HINT = 'Drop that first, and try again; nothing was changed';
    END IF;
    IF adopted THEN
        FOR thing IN SELECT unnest(added) AS name LOOP
            EXECUTE format('ALTER TABLE interactions DROP COLUMN %I', thing.name);
        END LOOP;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = home) THEN
        EXECUTE format('DROP SCHEMA %s', home);
    END IF;
END
$$
