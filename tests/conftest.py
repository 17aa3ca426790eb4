"""What holds for every test."""

from hypothesis import settings

# An example's time says how busy the machine is, and nothing about what is tested. The same examples every time: what a
# change breaks is the change's fault. To search further: pytest --hypothesis-profile search
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("same")
