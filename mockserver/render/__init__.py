"""Answers as plans: headers, pictures, bodies and events as recorded. Decides nothing, sends nothing."""
