-- Move an installation of release 0.1 into the session's schema. Tables and views are moved with their rows
-- and privileges. Functions, types and triggers are dropped; the migrations that follow create them again.
-- The table interactions stays where it is.
--
-- `signoff.moved_from`, a setting of the transaction, holds the old schema's oid.
DO $$
DECLARE
    old CONSTANT regnamespace := current_setting('signoff.moved_from')::oid::regnamespace;
    moved record;
BEGIN
    DROP TRIGGER interactions_count_insert ON interactions;
    DROP TRIGGER interactions_count_update ON interactions;
    DROP TRIGGER interactions_count_delete ON interactions;
    ALTER TABLE interactions
        DROP CONSTRAINT interactions_customer_status_known,
        DROP CONSTRAINT interactions_quality_score_range,
        DROP CONSTRAINT interactions_edit_tags_known;
    DROP INDEX interactions_of_user;

    FOR moved IN
        SELECT c.oid::regclass AS relation, c.relnamespace, c.relacl,
            CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind
        FROM pg_class c
        WHERE c.relnamespace = old AND c.relkind IN ('r', 'p', 'v')
            AND (c.relname IN ('approvals', 'approval_ids', 'customers', 'dead_letters',
                    'operator_actions', 'alerts', 'status_transitions', 'customer_funnel')
                OR c.oid IN (SELECT inhrelid FROM pg_inherits
                    WHERE inhparent = to_regclass(format('%s.approvals', old))))
    LOOP
        IF moved.relnamespace <> current_schema()::regnamespace THEN
            EXECUTE format('ALTER %s %s SET SCHEMA %I', moved.kind, moved.relation, current_schema());
        END IF;
    END LOOP;
    EXECUTE format('DROP VIEW IF EXISTS %s.ledger_partitions', old);

    DROP TRIGGER approvals_insert_only ON approvals;
    DROP TRIGGER operator_actions_insert_only ON operator_actions;
    FOR moved IN
        SELECT p.oid::regprocedure AS function,
            CASE p.prokind WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END AS kind, p.proname
        FROM pg_proc p
        WHERE p.pronamespace = old
            AND p.proname IN ('signoff_count_interaction', 'signoff_count_towards',
                'signoff_refresh_status', 'signoff_forbid_change', 'signoff_fold', 'signoff_fold_step',
                'signoff_last_given', 'signoff_later', 'signoff_known_status', 'signoff_sift',
                'signoff_try_rows', 'signoff_try_each', 'signoff_claim_event_ids',
                'signoff_partition_ledger', 'signoff_add_ledger_partition',
                'signoff_detach_oldest_partition')
        -- An aggregate is dropped before its step function.
        ORDER BY p.prokind <> 'a'
    LOOP
        IF moved.proname = 'signoff_claim_event_ids' AND to_regclass('approval_ids') IS NOT NULL THEN
            IF old <> current_schema()::regnamespace THEN
                EXECUTE format('ALTER FUNCTION %s SET SCHEMA %I', moved.function, current_schema());
            END IF;
        ELSE
            EXECUTE format('DROP %s %s', moved.kind, moved.function);
        END IF;
    END LOOP;
    EXECUTE format('DROP TYPE %s.signoff_balance', old);
    EXECUTE format('DROP TYPE %s.signoff_refusal', old);

    -- A role with privileges on a table needs USAGE on its schema.
    FOR moved IN
        SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS role
        FROM pg_class, aclexplode(relacl)
        WHERE relnamespace = current_schema()::regnamespace AND grantee <> relowner
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), moved.role);
    END LOOP;

    -- The tables of the migration library of release 0.1. Another application may use its log too.
    EXECUTE format('DROP TABLE %s.signoff_migrations', old);
    IF to_regclass(format('%s._yoyo_migration', old)) IS NULL
        AND to_regclass(format('%s._yoyo_log', old)) IS NOT NULL THEN
        EXECUTE format('DROP TABLE %1$s._yoyo_log, %1$s._yoyo_version, %1$s.yoyo_lock', old);
    END IF;
END
$$;

ALTER TABLE customers
    ADD COLUMN status_created_at timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN status_interaction_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
