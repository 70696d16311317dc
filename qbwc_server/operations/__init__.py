"""What runs unattended, or by an operator's hand.

Unattended: `notices`, `housekeeping`, `gauges`. By hand: `doctor`, `key_rotation`,
`forgetting`.
"""
