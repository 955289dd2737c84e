"""Transitions: rules that tell which customers should get another status, and their backtest."""
