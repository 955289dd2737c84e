DROP TRIGGER interactions_count_delete ON interactions;

DROP TRIGGER interactions_count_update ON interactions;

DROP TRIGGER interactions_count_insert ON interactions;

DROP FUNCTION signoff_count_interaction();

DROP FUNCTION signoff_count_towards(text, numeric);

DROP FUNCTION signoff_refresh_status(text);

DROP TABLE customers;
