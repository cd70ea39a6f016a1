"""What each hazard of the architecture looks like when it happens; the table is in ``test_hazards.py``."""
