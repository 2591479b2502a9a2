"""What holds for all tests."""

import os

from hypothesis import settings

# A busy machine makes an example slow; that is no failure of what is tested.
settings.register_profile("everyday", deadline=None, max_examples=30)
settings.register_profile("thorough", deadline=None)
settings.load_profile("thorough" if "STRESSER_THOROUGH" in os.environ else "everyday")
