-- An event of the ledger `a` as the feed gives it; `head` is how its position begins. Its JSON, if `contents` are
-- wanted, is that of the contract: fixed order of fields, nothing that is absent or default. Only `cta_data` and
-- `evidence` may have another order, that of jsonb.
concat(head, a.applied_in, '.', a.event_id), a.event_type, a.applied_at,
CASE WHEN contents THEN concat(
    '{"event_id":"', a.event_id,
    '","occurred_at":"', to_char(a.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS'),
    CASE WHEN date_trunc('second', a.occurred_at) <> a.occurred_at THEN to_char(a.occurred_at, '.US') END,
    'Z"',
    CASE WHEN a.event_type <> 'approval' THEN ',"event_type":"' || a.event_type || '"' END,
    ',"interaction_id":"' || a.interaction_id || '"',
    ',"user_id":' || to_json(a.user_id),
    ',"reviewer_id":' || to_json(a.reviewer_id),
    ',"final_bubbles":' || array_to_json(a.final_bubbles),
    CASE WHEN a.edit_tags <> '{}' THEN ',"edit_tags":' || array_to_json(a.edit_tags) END,
    ',"quality_score":' || a.quality_score,
    ',"reviewer_notes":' || to_json(a.reviewer_notes),
    ',"cta_data":' || a.cta_data::text,
    ',"customer_status":"' || a.customer_status || '"',
    ',"ltv_amount":"' || a.ltv_amount || '"',
    ',"decided_by":' || to_json(a.decided_by),
    ',"reason":' || to_json(a.reason),
    ',"evidence":' || a.evidence::text,
    ',"rests_on":"' || a.rests_on || '"',
    '}') ELSE '' END
