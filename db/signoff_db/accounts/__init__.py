"""Accounts: users, the links and sessions with which they are signed in, and keys of programs."""
