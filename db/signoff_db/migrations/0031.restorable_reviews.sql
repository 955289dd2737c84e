-- A dump is restored by a session with an empty search_path, in which a function that fills a column must find the
-- functions that it calls.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION signoff_tag_bits_of_event(text) SET search_path TO %I, pg_temp', current_schema());
END
$$;

-- Nothing calls it any more: facts are computed outside of Postgres.
DROP FUNCTION signoff_whole_months(date, date);
