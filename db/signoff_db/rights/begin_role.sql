-- {name}: {purpose}
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN
        CREATE ROLE {role} NOLOGIN;
    END IF;
    -- What follows would take from an owner what its own functions need.
    IF EXISTS (
        SELECT FROM pg_class
        WHERE relowner = to_regrole('{role}') AND relname IN ('approvals', 'interactions', 'signoff_outbox', 'contexts')
    ) THEN
        RAISE EXCEPTION '{name} owns tables of Signoff; choose other names of roles with --prefix';
    END IF;
END
$$;
