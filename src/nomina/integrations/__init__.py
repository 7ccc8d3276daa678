"""Bridges to other tools: each in a module of its own, which is imported where it is used."""
