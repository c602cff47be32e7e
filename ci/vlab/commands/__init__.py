"""ci/lab's commands, and what they have in common."""
