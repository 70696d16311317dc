"""What support looks for, and who may look.

Begin with `views` (for commands), `console` (for pages) and `tokens` (for logins).
"""
