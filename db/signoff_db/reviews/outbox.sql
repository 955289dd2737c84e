SELECT event_id, due_at, published_at, refused FROM signoff_outbox_look(%(events)s::uuid[])
