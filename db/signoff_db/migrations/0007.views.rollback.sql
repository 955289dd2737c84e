DROP VIEW customer_funnel;

DROP VIEW status_transitions;
