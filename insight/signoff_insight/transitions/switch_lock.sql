-- The kill switch; nobody else reads it to decide until the transaction has ended.
SELECT is_on, changed_by, changed_at, reason FROM transition_switch FOR UPDATE
