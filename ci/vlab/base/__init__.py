"""What every other room uses: files of the user's cache, deadlines, child processes."""
