-- The kill switch, as it is.
SELECT is_on, changed_by, changed_at, reason FROM transition_switch
