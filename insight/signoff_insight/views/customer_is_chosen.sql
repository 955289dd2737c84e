-- Whether the customer of `s`, a row of another table of facts, is one of those asked for.
EXISTS (SELECT FROM customer_facts f WHERE f.customer = s.customer AND {is_chosen})
