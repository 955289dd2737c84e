DROP TABLE approvals;

DROP FUNCTION signoff_forbid_change();
