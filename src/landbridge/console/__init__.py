"""The console: the API's pages for people, served at ``/console/`` by the API process."""
