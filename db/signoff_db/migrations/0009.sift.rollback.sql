DROP FUNCTION signoff_sift(json);

DROP FUNCTION signoff_try_each(approvals[]);

DROP FUNCTION signoff_try_rows(approvals[]);

DROP TYPE signoff_refusal;
