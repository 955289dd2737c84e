-- Operators give up events that the queue refuses: they become dead letters.
ALTER TABLE operator_actions DROP CONSTRAINT operator_actions_action_known;
ALTER TABLE operator_actions ADD CONSTRAINT operator_actions_action_known CHECK (action IN (
    'replay', 'edit', 'discard', 'prune', 'cancel_operation',
    'add_user', 'set_roles', 'disable_user', 'enable_user', 'set_password', 'make_link', 'end_session',
    'add_key', 'revoke_key',
    'reassign',
    'add_webhook', 'rotate_webhook', 'disable_webhook', 'enable_webhook', 'remove_webhook', 'replay_webhook',
    'pause_queue', 'resume_queue', 'requeue_outbox', 'dead_letter_outbox', 'start_audit'));
