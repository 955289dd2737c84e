-- As which role somebody was logged in at Postgres. `actor` is what a command was told (`--actor`), or whom the web service
-- knows; the role cannot be chosen. Whatever an INSERT says is replaced; a default could be overridden.
ALTER TABLE operator_actions ADD COLUMN database_role text;
COMMENT ON COLUMN operator_actions.database_role IS 'The session_user; null where it was done before this was noted';

CREATE FUNCTION signoff_note_role() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.database_role := session_user;
    RETURN NEW;
END
$$;

CREATE TRIGGER operator_actions_role BEFORE INSERT ON operator_actions
    FOR EACH ROW EXECUTE FUNCTION signoff_note_role();
