import hypothesis

# Times vary with the load of the machine, and say nothing about correctness.
hypothesis.settings.register_profile("tfsparse", deadline=None)
hypothesis.settings.load_profile("tfsparse")
