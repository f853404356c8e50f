"""What server and agent share: frozen structs."""
