"""Users synced by a pool of workers, never one user by two workers at once."""
