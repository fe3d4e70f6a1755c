"""Headrace: a self-hosted flow-automation engine."""
