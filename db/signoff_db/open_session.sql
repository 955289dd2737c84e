-- Set what startup options cannot set reliably; once for each session, in one round trip.
DO $$
DECLARE
    home CONSTANT text := coalesce(nullif(current_setting('signoff.schema', true), ''), 'signoff');
    adopted text;
BEGIN
    -- The environment of the client (PGDATESTYLE, PGTZ) wins over startup options.
    PERFORM set_config('DateStyle', 'ISO, MDY', false),
        set_config('IntervalStyle', 'postgres', false),
        set_config('TimeZone', 'UTC', false);
    -- From Postgres 17 on. A timeout that is set for the role would end the same batch again and again.
    IF current_setting('transaction_timeout', true) IS NOT NULL THEN
        PERFORM set_config('transaction_timeout', '0', false);
    END IF;
    IF current_setting('signoff.outbox', true) = 'on' THEN
        -- As the role has it, but without Signoff's own schema, where a role of the same name would make the
        -- outbox ("$user"). One that stands there already is still found.
        IF to_regclass(format('%I.installation', home)) IS NOT NULL
            AND to_regclass(format('%I.signoff_outbox', home)) IS NULL
        THEN
            PERFORM set_config('search_path', string_agg(quote_ident(name), ', '), false)
            FROM unnest(current_schemas(false)) AS name
            WHERE name <> home
            HAVING count(*) > 0;
        END IF;
        RETURN;
    END IF;
    IF to_regclass(format('%I.installation', home)) IS NOT NULL THEN
        EXECUTE format('SELECT quote_ident(nullif(interactions_schema, %L)) FROM %I.installation', home, home)
            INTO adopted;
    END IF;
    -- Signoff's schema, and that of an adopted table interactions.
    PERFORM set_config('search_path', concat_ws(', ', quote_ident(home), adopted), false);
    -- Events that are applied after a restore from a dump would get a wrong place in the feed.
    IF current_setting('signoff.batches', true) = 'on' AND to_regproc('signoff_is_restored') IS NOT NULL THEN
        IF signoff_is_restored() THEN
            RAISE EXCEPTION
                'it was restored from a dump; run `signoff migrate`, which begins a new epoch of the feed'
                USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
    END IF;
END
$$
