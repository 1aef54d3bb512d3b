"""The parts of the command `evscale`, one file per group of subcommands."""
