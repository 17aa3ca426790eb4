"""A bench in a cluster: the harness as a Job there, its results copied to this machine as they come."""
