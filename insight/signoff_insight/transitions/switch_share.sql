-- The kill switch; it stays as it is until the transaction has ended.
SELECT is_on, changed_by, changed_at, reason FROM transition_switch FOR SHARE
