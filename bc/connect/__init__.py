"""Connecting a company: settings of a connection, sign-in, tokens, environment and company, removal."""
