"""The service's language: requests, answers, streams, drafts, phrases, and the account."""
