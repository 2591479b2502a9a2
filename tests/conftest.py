"""What holds for all tests."""

from hypothesis import settings

# A busy machine makes an example slow; that is no failure of what is tested.
settings.register_profile("stresser", deadline=None)
settings.load_profile("stresser")
