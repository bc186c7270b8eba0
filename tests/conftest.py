# SPDX-License-Identifier: MIT OR Apache-2.0
"""What every test shares: properties are judged by what they find, never by the clock."""

import os

import hypothesis

# A loaded machine must not turn a property into a failure: time limits are pytest-timeout's.
hypothesis.settings.register_profile(
    "default-no-deadline",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile(
    "nightly", parent=hypothesis.settings.get_profile("default-no-deadline"), max_examples=5_000
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default-no-deadline"))
