"""Real programs that the tests run against: PostgreSQL, Keystone, landbridge itself.

Each module here starts one of them in a directory of its own, on a free port or socket, and
takes it away again; `tests.environments.fixtures` hands them to the tests. What is not
installed makes the test fail with one line that says what to install: nothing is skipped.
"""
