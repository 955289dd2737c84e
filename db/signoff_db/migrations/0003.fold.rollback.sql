DROP AGGREGATE signoff_last_given(anyelement);

DROP FUNCTION signoff_later(anyelement, anyelement);

DROP AGGREGATE signoff_fold(text, numeric, text, numeric);

DROP FUNCTION signoff_fold_step(signoff_balance, text, numeric, text, numeric);

DROP TYPE signoff_balance;
