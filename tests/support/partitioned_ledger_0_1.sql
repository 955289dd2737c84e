-- A ledger in partitions, of which old ones can be detached while `signoff audit` stays exact. Optional: an
-- installation runs this file once (psql -f), and then calls what it defines:
--
--   SELECT signoff_partition_ledger('2026-12-01Z');            what is there becomes the first partition
--   SELECT signoff_add_ledger_partition('2027-01-01Z');        the next one, up to this instant
--   SELECT signoff_detach_oldest_partition();                  returns the detached table's name
--
-- The key is occurred_at, not applied_at: what occurred before an instant is the beginning of every
-- interaction's fold, so that its result can become the opening balance; what was applied before one is
-- not. An event that occurred before the oldest partition finds no place and becomes a dead letter
-- (refused_by_database), be it new or a duplicate: nothing takes effect twice, however old.
BEGIN;

-- A partitioned table's primary key holds occurred_at, so that it would let one event_id stand under two
-- instants. The ids are therefore kept once more, whole. Who comes second tries again, and then sees
-- what the ledger holds.
CREATE FUNCTION signoff_claim_event_ids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO approval_ids (event_id, occurred_at)
    SELECT event_id, occurred_at FROM ledgered ORDER BY event_id;
    RETURN NULL;
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'another transaction has applied one of the events meanwhile'
        USING ERRCODE = 'serialization_failure';
END
$$;

CREATE FUNCTION signoff_partition_ledger(until timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    transitions text := pg_get_viewdef('status_transitions'::regclass);
    function regprocedure;
BEGIN
    LOCK TABLE interactions IN EXCLUSIVE MODE;
    LOCK TABLE approvals IN ACCESS EXCLUSIVE MODE;
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

    CREATE TRIGGER approvals_insert_only BEFORE UPDATE OR DELETE ON approvals
        FOR EACH ROW EXECUTE FUNCTION signoff_forbid_change();
    CREATE TRIGGER approvals_claim_ids AFTER INSERT ON approvals REFERENCING NEW TABLE AS ledgered
        FOR EACH STATEMENT EXECUTE FUNCTION signoff_claim_event_ids();
    EXECUTE 'CREATE OR REPLACE VIEW status_transitions AS ' || transitions;

    -- What takes rows of the ledger (0009.sift.sql) is to take those of the new table.
    FOREACH function IN ARRAY ARRAY['signoff_try_rows(approvals_first[])',
        'signoff_try_each(approvals_first[])']::regprocedure[] LOOP
        EXECUTE replace(replace(pg_get_functiondef(function), 'approvals_first[]', 'approvals[]'),
            'ON CONFLICT (event_id)', 'ON CONFLICT');
        EXECUTE format('DROP FUNCTION %s', function);
    END LOOP;
END
$$;

CREATE VIEW ledger_partitions AS
SELECT c.oid::regclass AS partition,
    substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([^'']+)''\)')::timestamptz AS until
FROM pg_inherits
JOIN pg_class c ON c.oid = inhrelid
WHERE inhparent = to_regclass('approvals')
ORDER BY until;

CREATE FUNCTION signoff_add_ledger_partition(until timestamptz) RETURNS regclass LANGUAGE plpgsql AS $$
DECLARE
    since timestamptz := (SELECT max(p.until) FROM ledger_partitions p);
    name text := to_char(since AT TIME ZONE 'UTC', '"approvals_from_"YYYY_MM_DD_HH24');
BEGIN
    EXECUTE format('CREATE TABLE %I PARTITION OF approvals FOR VALUES FROM (%L) TO (%L)', name, since, until);
    RETURN name::regclass;
END
$$;

CREATE FUNCTION signoff_detach_oldest_partition() RETURNS regclass LANGUAGE plpgsql AS $$
DECLARE
    oldest regclass;
    horizon timestamptz;
    others bigint;
BEGIN
    LOCK TABLE interactions IN EXCLUSIVE MODE;
    LOCK TABLE approvals IN ACCESS EXCLUSIVE MODE;
    SELECT p.partition, p.until, count(*) OVER () - 1 INTO oldest, horizon, others
    FROM ledger_partitions p ORDER BY p.until LIMIT 1;
    IF others = 0 OR horizon > now() THEN
        RAISE EXCEPTION 'the oldest partition, %, ends at % and is still written to', oldest, horizon
            USING HINT = 'Add a partition that ends later, and wait until this one has ended.';
    END IF;
    EXECUTE format('ALTER TABLE approvals DETACH PARTITION %s', oldest);
    -- The fold of what goes becomes the opening balance. An interaction of which nothing is left is as
    -- before its first event: it holds its balance, and no event of the ledger stands for it.
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

COMMIT;
