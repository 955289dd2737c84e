-- A ledger in partitions. Old partitions can be detached, and `signoff audit` stays exact. Until
-- `signoff ledger partition` is run, the ledger is one table, and nothing here is used.
--
-- The key is occurred_at, not applied_at. The events that occurred before an instant are the beginning of
-- every interaction's fold, so the result of their fold can become the opening balance. That is not true of
-- the events that were applied before an instant. An event that occurred before the oldest partition fits in
-- no partition and becomes a dead letter (refused_by_database), whether it is new or a duplicate. So no event
-- takes effect twice, however old it is.

-- The primary key of a partitioned table must include occurred_at, so it would allow one event_id with two
-- instants. Therefore a second table holds all ids. A transaction that finds its id there already is tried
-- again, and then sees the row of the ledger.
-- OR REPLACE: an installation that was moved from release 0.1 has a trigger that calls this function.
CREATE OR REPLACE FUNCTION signoff_claim_event_ids() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO approval_ids (event_id, occurred_at)
    SELECT event_id, occurred_at FROM ledgered ORDER BY event_id;
    RETURN NULL;
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'another transaction has applied one of the events meanwhile'
        USING ERRCODE = 'serialization_failure';
END
$$;

-- TRUNCATE of one partition would not fire the trigger of the ledger.
CREATE FUNCTION signoff_guard_partition(partition regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER approvals_never_truncated BEFORE TRUNCATE ON %s'
        ' FOR EACH STATEMENT EXECUTE FUNCTION signoff_forbid_change()', partition);
END
$$;

-- The ledger is locked before the interactions, here and by workers (lock_ledger.sql), to avoid deadlocks.
CREATE FUNCTION signoff_partition_ledger(until timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    transitions text := pg_get_viewdef('status_transitions'::regclass);
    function regprocedure;
    held record;
BEGIN
    LOCK TABLE approvals IN ACCESS EXCLUSIVE MODE;
    LOCK TABLE interactions IN EXCLUSIVE MODE;
    CREATE TABLE approval_ids AS SELECT event_id, occurred_at FROM approvals;

    ALTER TABLE approvals RENAME TO approvals_first;
    ALTER TABLE approvals_first DROP CONSTRAINT approvals_pkey, ALTER event_id SET NOT NULL;
    ALTER INDEX approvals_of_interaction RENAME TO approvals_first_of_interaction;
    DROP TRIGGER approvals_insert_only ON approvals_first;
    ALTER TABLE approval_ids ADD PRIMARY KEY (event_id);
    CREATE INDEX approval_ids_by_age ON approval_ids USING brin (occurred_at);

    CREATE TABLE approvals (
        LIKE approvals_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS,
        CONSTRAINT approvals_once PRIMARY KEY (event_id, occurred_at)
    ) PARTITION BY RANGE (occurred_at);
    CREATE INDEX approvals_of_interaction ON approvals (interaction_id);
    EXECUTE format(
        'ALTER TABLE approvals ATTACH PARTITION approvals_first FOR VALUES FROM (MINVALUE) TO (%L)', until);
    FOR held IN
        SELECT privilege_type, is_grantable,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS role
        FROM pg_class, aclexplode(relacl)
        WHERE oid = 'approvals_first'::regclass AND grantee <> relowner
    LOOP
        EXECUTE format('GRANT %s ON approvals TO %s%s', held.privilege_type, held.role,
            CASE WHEN held.is_grantable THEN ' WITH GRANT OPTION' END);
    END LOOP;

    CREATE TRIGGER approvals_insert_only BEFORE UPDATE OR DELETE ON approvals
        FOR EACH ROW EXECUTE FUNCTION signoff_forbid_change();
    CREATE TRIGGER approvals_claim_ids AFTER INSERT ON approvals REFERENCING NEW TABLE AS ledgered
        FOR EACH STATEMENT EXECUTE FUNCTION signoff_claim_event_ids();
    PERFORM signoff_guard_partition('approvals');
    EXECUTE 'CREATE OR REPLACE VIEW status_transitions AS ' || transitions;

    -- The function of 0005.rejected_rows.sql uses the row type of the ledger: it must use the new table's.
    FOREACH function IN ARRAY ARRAY['signoff_try_rows(approvals_first[])',
        'signoff_try_each(approvals_first[])']::regprocedure[] LOOP
        EXECUTE replace(pg_get_functiondef(function), 'approvals_first[]', 'approvals[]');
        EXECUTE format('DROP FUNCTION %s', function);
    END LOOP;
END
$$;

CREATE VIEW ledger_partitions AS
SELECT c.oid::regclass AS partition,
    substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([^'']+)''\)')::timestamptz AS until
FROM pg_inherits
JOIN pg_class c ON c.oid = inhrelid
-- By name: the present ledger table may become the first partition of a new one.
JOIN pg_class parent ON parent.oid = inhparent AND parent.relname = 'approvals'
JOIN pg_class home ON home.oid = 'installation'::regclass AND home.relnamespace = parent.relnamespace
ORDER BY until;

CREATE FUNCTION signoff_add_ledger_partition(until timestamptz) RETURNS regclass
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    since timestamptz := (SELECT max(p.until) FROM ledger_partitions p);
    name text := to_char(since AT TIME ZONE 'UTC', '"approvals_from_"YYYY_MM_DD_HH24');
BEGIN
    EXECUTE format('CREATE TABLE %I PARTITION OF approvals FOR VALUES FROM (%L) TO (%L)', name, since, until);
    PERFORM signoff_guard_partition(name::regclass);
    RETURN name::regclass;
END
$$;

CREATE FUNCTION signoff_detach_oldest_partition() RETURNS regclass
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    oldest regclass;
    horizon timestamptz;
    others bigint;
BEGIN
    LOCK TABLE approvals IN ACCESS EXCLUSIVE MODE;
    LOCK TABLE interactions IN EXCLUSIVE MODE;
    SELECT p.partition, p.until, count(*) OVER () - 1 INTO oldest, horizon, others
    FROM ledger_partitions p ORDER BY p.until LIMIT 1;
    IF others = 0 OR horizon > now() THEN
        RAISE EXCEPTION 'the oldest partition, %, ends at % and is still written to', oldest, horizon
            USING HINT = 'Add a partition that ends later, and wait until this one has ended.';
    END IF;
    EXECUTE format('ALTER TABLE approvals DETACH PARTITION %s', oldest);
    EXECUTE format('DROP TRIGGER approvals_never_truncated ON %s', oldest);
    -- The fold of the detached events becomes the opening balance. An interaction with no event left in the
    -- ledger is as it was before its first event: it has a balance, but no last event.
    EXECUTE format($fold$
        UPDATE interactions i SET
            opening_customer_status = (f.balance).customer_status,
            opening_ltv_usd = (f.balance).ltv_usd,
            last_event_id = CASE
                WHEN EXISTS (SELECT FROM approvals a WHERE a.interaction_id = i.id) THEN i.last_event_id END
        FROM (
            SELECT a.interaction_id,
                signoff_fold(i.opening_customer_status, i.opening_ltv_usd,
                    a.customer_status, a.ltv_amount ORDER BY a.occurred_at, a.event_id) AS balance
            FROM %s a
            JOIN interactions i ON i.id = a.interaction_id
            GROUP BY a.interaction_id
        ) AS f
        WHERE i.id = f.interaction_id$fold$, oldest);
    DELETE FROM approval_ids WHERE occurred_at < horizon;
    RETURN oldest;
END
$$;

-- An installation that was moved from release 0.1 may be partitioned already.
SELECT signoff_guard_partition(partition) FROM ledger_partitions;
