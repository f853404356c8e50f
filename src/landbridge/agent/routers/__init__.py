"""The routers of this gateway: what the server wants, and one supervised task for each."""
