-- Rows of the ledger and of the operators' actions are never changed or deleted.

CREATE FUNCTION signoff_forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only: % refused', TG_TABLE_NAME, TG_OP;
END
$$;

CREATE TRIGGER approvals_insert_only BEFORE UPDATE OR DELETE ON approvals
    FOR EACH ROW EXECUTE FUNCTION signoff_forbid_change();

CREATE TRIGGER approvals_never_truncated BEFORE TRUNCATE ON approvals
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_forbid_change();

CREATE TRIGGER operator_actions_insert_only BEFORE UPDATE OR DELETE ON operator_actions
    FOR EACH ROW EXECUTE FUNCTION signoff_forbid_change();

CREATE TRIGGER operator_actions_never_truncated BEFORE TRUNCATE ON operator_actions
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_forbid_change();
