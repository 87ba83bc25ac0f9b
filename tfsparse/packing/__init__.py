"""Files packed for storage and transport, smaller than any that an interpreter can run."""
