-- As before, but a partition that begins within an hour is named by its exact beginning: of one that begins in the same
-- hour as the one before it, the name existed already.
CREATE OR REPLACE FUNCTION signoff_add_ledger_partition(until timestamptz) RETURNS regclass
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    since timestamptz := (SELECT max(p.until) FROM ledger_partitions p);
    name text := to_char(
        since AT TIME ZONE 'UTC',
        CASE date_trunc('hour', since, 'UTC')
            WHEN since THEN '"approvals_from_"YYYY_MM_DD_HH24'
            ELSE '"approvals_from_"YYYY_MM_DD_HH24_MI_SS_US'
        END);
BEGIN
    EXECUTE format('CREATE TABLE %I PARTITION OF approvals FOR VALUES FROM (%L) TO (%L)', name, since, until);
    PERFORM signoff_guard_partition(name::regclass);
    RETURN name::regclass;
END
$$;
