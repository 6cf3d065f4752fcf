"""For all tests."""

# pytest's plug-in of hypothesis would import this when the session ends; on Python 3.11 parsing a module after
# greenlets have run in the main thread can fail with a SystemError, and the summary would be lost.
import hypothesis.internal.observability  # noqa: F401
from hypothesis import settings

settings.register_profile("heedline", deadline=None)  # a busy machine is no defect
settings.load_profile("heedline")
