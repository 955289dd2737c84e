-- What accounts for a pruned letter is never changed or deleted, like the ledger and the operators' actions.

CREATE TRIGGER pruned_letters_insert_only BEFORE UPDATE OR DELETE ON pruned_letters
    FOR EACH ROW EXECUTE FUNCTION signoff_forbid_change();

CREATE TRIGGER pruned_letters_never_truncated BEFORE TRUNCATE ON pruned_letters
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_forbid_change();
