"""What holds for every test."""

from hypothesis import settings

# an example's time says how busy the machine is, and nothing about what is tested
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
