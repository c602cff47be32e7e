"""ci/check: everything that is proven about this project, in three tiers. See ci/README.md."""
