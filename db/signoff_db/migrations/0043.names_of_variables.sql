-- A column of an upstream's table interactions may have the name of a variable of a function, such as `customer`.
-- Wherever such a name stands alone, the variable is meant. Postgres would refuse it as ambiguous, and so the
-- upstream's own statement, or each batch of a worker.
DO $$
DECLARE
    function record;
BEGIN
    FOR function IN
        SELECT pg_get_functiondef(p.oid) AS definition
        FROM pg_proc p
        JOIN pg_language l ON l.oid = p.prolang
        WHERE p.pronamespace = quote_ident(current_schema())::regnamespace AND l.lanname = 'plpgsql'
            -- An installation may have functions of its own beside Signoff's, perhaps of another owner.
            AND p.proname LIKE 'signoff\_%' AND p.proname <> 'signoff_outbox_notify'
            AND p.prosrc NOT LIKE '%#variable_conflict%'
    LOOP
        EXECUTE regexp_replace(
            function.definition, '\nAS \$function\w*\$', E'\\&\n#variable_conflict use_variable\n');
    END LOOP;
END
$$;
