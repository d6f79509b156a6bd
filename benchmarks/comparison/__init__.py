"""The parts of compare.py: models, engines, the processes that run them, and what is made of the times."""
