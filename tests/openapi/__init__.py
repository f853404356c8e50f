"""The OpenAPI document: linters, a generated client, and its examples on a server."""
