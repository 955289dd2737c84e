-- Turn the kill switch.
UPDATE transition_switch SET
    is_on = %(is_on)s, changed_by = %(actor)s, changed_at = clock_timestamp(), reason = %(reason)s
