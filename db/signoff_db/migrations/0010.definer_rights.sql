-- Functions that run with the rights of whoever migrated (SECURITY DEFINER) are reached by nothing but
-- their triggers, and look names up in Signoff's own schema only.
--
-- Whoever may execute one can put it on a table of his own, with rows and types of his own making. A
-- trigger that is there runs for everybody; EXECUTE is asked for only where one is made. And where an
-- adopted interactions stands, others may be allowed to make functions and operators, which would be
-- called where they fit better than those of Postgres: so that schema is not searched, and the one function
-- that reads interactions names it in full.
DO $$
DECLARE
    home CONSTANT text := quote_ident(current_schema());
    reader CONSTANT text := pg_get_functiondef('signoff_refresh_status(text)'::regprocedure);
    table_name CONSTANT text := format('%I.interactions', (SELECT interactions_schema FROM installation));
    function regprocedure;
BEGIN
    EXECUTE replace(reader, 'FROM interactions i', format('FROM %s i', table_name));
    FOR function IN
        SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = home::regnamespace AND prosecdef
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', function);
        EXECUTE format('ALTER FUNCTION %s SET search_path TO %s, pg_temp', function, home);
    END LOOP;
END
$$;
