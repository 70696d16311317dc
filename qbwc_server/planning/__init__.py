"""The next step of each record that is due, planned for many at once.

Begin with `list_steps.Steps` and `time_steps.TimeSteps`; what they decide by is in
`list_facts` and `time_facts`, and decided in `kinds` (`list_plan`, `time_plan`).
"""
