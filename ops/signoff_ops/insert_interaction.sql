-- A row as the reviewed system writes it, before any event.
INSERT INTO interactions (id, user_id, customer_status, ltv_usd)
VALUES (%(interaction_id)s, %(user_id)s, 'CUSTOMER', %(ltv_usd)s)
