"""The command `tfsparse`: each subcommand parses its flags and calls the package."""
