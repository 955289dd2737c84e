"""Rapport: what the next reply should know of each customer, kept in a second database."""
