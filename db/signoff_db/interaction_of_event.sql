SELECT interaction_id FROM approvals WHERE event_id = %(event_id)s
