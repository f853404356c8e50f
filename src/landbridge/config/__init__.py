"""The configuration: options, file, settings."""
